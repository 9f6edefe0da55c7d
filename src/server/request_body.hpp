// RequestBody: the body of the request that a connection is at, read by the handler straight from
// the socket into the handler's own memory.
#pragma once

#include "pkgreg/error.hpp"
#include "pkgreg/http.hpp"

#include "server/channel.hpp"
#include "server/chunked_decoder.hpp"
#include "server/request_parser.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace pkgreg {

class RequestBody final : public BodySource {
 public:
    explicit RequestBody(Channel& channel) noexcept : channel_(channel) {}

    /// Makes this the body of the request with that head. `max_bytes` 0: no limit.
    void begin(const RequestHead& head, std::uint64_t max_bytes) noexcept;

    std::optional<std::uint64_t> length() const noexcept override;
    /// For a chunked body: completes when bytes have come, which may be framing only.
    bool ready() override;
    awaitable<void> wait() override;
    awaitable<std::size_t> read(std::span<std::byte> into) override;

    /// Content bytes received.
    std::uint64_t received() const noexcept { return received_; }
    /// All of the body has been taken from the connection.
    bool finished() const noexcept;
    /// What broke the body, once a read has thrown.
    std::optional<ErrorCode> failure() const noexcept { return failure_; }

    /// Drops what has come of the rest. Whether the rest is now gone, or is known to be small
    /// enough to be dropped later by `discard_rest`; else the connection cannot be used again.
    bool discard_some();
    /// Drops the rest, waiting for it; false when it does not come soon.
    awaitable<bool> discard_rest();

 private:
    awaitable<void> send_continue();
    awaitable<void> wait_for_peer();
    std::size_t take_buffered(std::span<std::byte> into);
    /// Takes account of bytes received into `into`; how many of them, now in front, are content.
    std::size_t take_received(std::span<std::byte> bytes);
    std::size_t take_decoded(std::size_t n);
    std::span<std::byte> window(std::span<std::byte> into) const noexcept;
    IoStatus discard_once();
    [[noreturn]] void fail(ErrorCode code);

    Channel& channel_;
    BodyFraming framing_ = BodyFraming::none;
    bool continue_due_ = false;
    bool drained_ = false;  // the last receive took all there was
    std::uint64_t left_ = 0;
    std::uint64_t length_ = 0;
    std::uint64_t max_bytes_ = 0;
    std::uint64_t received_ = 0;
    ChunkedDecoder decoder_;
    std::optional<ErrorCode> failure_;
};

}  // namespace pkgreg
