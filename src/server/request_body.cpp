#include "server/request_body.hpp"

#include "server/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

// A rest this small is cheaper to receive than a new connection.
constexpr std::size_t max_discarded = std::size_t{64} << 10;

std::string describe(ErrorCode code) {
    switch (code) {
        case ErrorCode::timeout: return "the request's body did not come fast enough";
        case ErrorCode::too_large: return "the request's body is larger than this server accepts";
        case ErrorCode::malformed: return "the request's chunked coding is broken";
        case ErrorCode::unavailable: return "the server is shutting down";
        default: return "the connection ended before the request's body was complete";
    }
}

}  // namespace

void RequestBody::begin(const RequestHead& head, std::uint64_t max_bytes) noexcept {
    framing_ = head.framing;
    continue_due_ = head.expects_continue;
    drained_ = false;
    length_ = left_ = head.content_length;
    max_bytes_ = max_bytes;
    received_ = 0;
    decoder_ = ChunkedDecoder();
    failure_.reset();
}

std::optional<std::uint64_t> RequestBody::length() const noexcept {
    if (framing_ == BodyFraming::chunked) return std::nullopt;
    return length_;
}

bool RequestBody::finished() const noexcept {
    return framing_ == BodyFraming::chunked ? decoder_.finished() : left_ == 0;
}

void RequestBody::fail(ErrorCode code) {
    if (!failure_) failure_ = code;
    throw Error(*failure_, describe(*failure_));
}

awaitable<void> RequestBody::send_continue() {
    continue_due_ = false;
    // A client that did not wait need not be told.
    if (!channel_.buffer().empty()) co_return;
    constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
    iovec vector{const_cast<char*>(line.data()), line.size()};
    const std::size_t sent =
        co_await channel_.send_all(std::span(&vector, 1), false, Waiting::response);
    if (sent != line.size()) fail(ErrorCode::truncated);
}

awaitable<void> RequestBody::wait_for_peer() {
    const bool ready = co_await channel_.wait_readable(Waiting::body);
    drained_ = false;
    if (ready) co_return;
    if (channel_.expired()) fail(ErrorCode::timeout);
    fail(channel_.cut_off() ? ErrorCode::unavailable : ErrorCode::truncated);
}

bool RequestBody::ready() {
    if (failure_ || finished() || !channel_.buffer().empty()) return true;
    // Asking the socket costs less than going through the loop, and the next bytes of a fast client
    // come while the last ones are written.
    drained_ = continue_due_ || !channel_.readable();
    return !drained_;
}

awaitable<void> RequestBody::wait() {
    if (failure_) fail(*failure_);
    if (finished() || !channel_.buffer().empty()) co_return;
    if (continue_due_) co_await send_continue();
    if (!ready()) co_await wait_for_peer();
}

awaitable<std::size_t> RequestBody::read(std::span<std::byte> into) {
    if (failure_) fail(*failure_);
    if (into.empty()) co_return 0;
    co_await channel_.give_way();
    if (continue_due_ && !finished()) co_await send_continue();
    while (!finished()) {
        if (!channel_.buffer().empty()) {
            const std::size_t n = take_buffered(into);
            if (n != 0) co_return n;
            continue;
        }
        if (drained_) co_await wait_for_peer();
        const auto room = window(into);
        const IoResult result = channel_.receive(room);
        drained_ = result.bytes < room.size();
        if (result.status == IoStatus::end || result.status == IoStatus::failed) {
            fail(channel_.cut_off() ? ErrorCode::unavailable : ErrorCode::truncated);
        }
        const std::size_t n = take_received(into.first(result.bytes));
        if (n != 0) co_return n;
    }
    co_return 0;
}

/// Never more than the body where its end is known; a chunked body's end is found in what came.
std::span<std::byte> RequestBody::window(std::span<std::byte> into) const noexcept {
    if (framing_ == BodyFraming::chunked) return into;
    return into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_)));
}

std::size_t RequestBody::take_buffered(std::span<std::byte> into) {
    ReceiveBuffer& buffer = channel_.buffer();
    const auto bytes = std::as_bytes(buffer.unread());
    if (framing_ == BodyFraming::chunked) {
        const auto [consumed, produced] = decoder_.decode(bytes, into);
        buffer.consume(consumed);
        return take_decoded(produced);
    }
    const auto room = window(into);
    const std::size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    buffer.consume(n);
    left_ -= n;
    received_ += n;
    return n;
}

std::size_t RequestBody::take_received(std::span<std::byte> bytes) {
    if (framing_ == BodyFraming::chunked) {
        const auto [consumed, produced] = decoder_.decode(bytes, bytes);
        const auto behind = bytes.subspan(consumed);
        if (decoder_.finished() && !behind.empty()) {
            channel_.buffer().put_back(
                {reinterpret_cast<const char*>(behind.data()), behind.size()});
        }
        return take_decoded(produced);
    }
    left_ -= bytes.size();
    received_ += bytes.size();
    return bytes.size();
}

std::size_t RequestBody::take_decoded(std::size_t n) {
    received_ += n;
    // What came before the break is content, but no reader may take it for the whole.
    if (decoder_.broken()) fail(ErrorCode::malformed);
    if (max_bytes_ != 0 && received_ > max_bytes_) fail(ErrorCode::too_large);
    return n;
}

/// Receives once into memory that nobody looks at; `end` when the body is finished.
IoStatus RequestBody::discard_once() {
    std::array<std::byte, 16 << 10> scrap;
    if (!channel_.buffer().empty()) {
        take_buffered(scrap);
    } else {
        const IoResult result = channel_.receive(window(scrap));
        if (result.status == IoStatus::would_block) return IoStatus::would_block;
        if (result.status != IoStatus::ok) return IoStatus::failed;
        take_received(std::span(scrap).first(result.bytes));
    }
    return finished() ? IoStatus::end : IoStatus::ok;
}

bool RequestBody::discard_some() {
    if (finished()) return true;
    if (failure_) return false;
    // Nobody can know whether a client that was never told to continue will send the body.
    if (continue_due_ && channel_.buffer().empty()) return false;
    if (framing_ == BodyFraming::length && left_ > max_discarded) return false;
    try {
        const std::uint64_t limit = received_ + max_discarded;
        IoStatus status = IoStatus::ok;
        while (status == IoStatus::ok && received_ < limit) status = discard_once();
        if (status == IoStatus::would_block) return framing_ == BodyFraming::length;
        return status == IoStatus::end;
    } catch (const Error&) {
        return false;
    }
}

awaitable<bool> RequestBody::discard_rest() {
    while (!finished()) {
        const IoStatus status = discard_once();
        if (status == IoStatus::failed) co_return false;
        if (status != IoStatus::would_block) continue;
        const bool ready = co_await channel_.wait_readable(Waiting::last);
        if (!ready) co_return false;
    }
    co_return true;
}

}  // namespace pkgreg
