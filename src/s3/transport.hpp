// Transport: HTTP requests on a thread of their own, awaited by coroutines. libcurl ends here; what
// an answer means is not known here, nor is anything tried again.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "s3/fields.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

struct TransportOptions {
    /// URL of a proxy; empty: none, whatever the environment says.
    std::string proxy = {};
    /// Certificates (PEM) to trust instead of the system's.
    std::filesystem::path ca_file = {};
    std::chrono::milliseconds connect_timeout{5'000};
    /// For how long a transfer may stand still, neither sending nor receiving a byte.
    std::chrono::milliseconds stall_timeout{30'000};
};

struct HttpRequest {
    std::string method;
    std::string url;
    Fields headers = {};
    /// Sent from where it is; unchanged until the call is over.
    std::span<const std::byte> body = {};
    /// How much of a body is collected; a successful answer with more fails as `too_large`.
    std::size_t max_body = std::size_t{1} << 20;
    /// Never through the proxy: for what is on this machine.
    bool direct = false;
    /// Given up when `Transport::end_background` says so.
    bool background = false;
    /// Zero: those of the transport.
    std::chrono::milliseconds connect_timeout{0};
    std::chrono::milliseconds stall_timeout{0};
};

/// Why there is no (whole) answer.
enum class Failure : std::uint8_t {
    none,
    resolve,          ///< The host's name has no address.
    connect,          ///< No connection.
    connect_timeout,  ///< No connection in time.
    certificate,      ///< The server's certificate is not trusted, or trust has no readable file.
    tls,              ///< TLS could not be agreed on.
    stalled,          ///< No byte moved for too long.
    broken,           ///< The connection ended before the answer did.
    too_large,        ///< The answer is larger than what is collected.
    closed,           ///< The transport is being closed.
    other,            ///< Anything else; the text has it.
};

struct HttpAnswer {
    Failure failure = Failure::none;
    /// libcurl's words.
    std::string failure_text = {};
    /// 0 when none came.
    int status = 0;
    /// Names in lower case.
    Fields headers = {};
    std::string body = {};
    /// How often the request was written to a connection: libcurl repeats one by itself when a kept
    /// connection turns out to be closed. With more than one the server may have seen it twice.
    unsigned sends = 0;

    /// Answered with success; the body is only known to be whole when there is no failure.
    bool is_success() const noexcept { return status >= 200 && status < 300; }
};

struct Transfer;

/// The body of an answer while it comes. One coroutine uses it at a time; destroying it ends the
/// transfer.
class BodyStream {
 public:
    BodyStream(class Transport& transport, std::shared_ptr<Transfer> transfer) noexcept;
    ~BodyStream();
    BodyStream(const BodyStream&) = delete;
    BodyStream& operator=(const BodyStream&) = delete;

    /// The next bytes; 0 when there are no more, because it ended or because it broke.
    awaitable<std::size_t> read(std::span<std::byte> into);
    /// As `ObjectReader::splice`: from its first call on a large body is taken from the
    /// connection's socket itself, past libcurl, where it comes as it is (without TLS, proxy or
    /// coding). The connection ends with it.
    awaitable<std::size_t> splice(int pipe, std::size_t most);
    /// After a read of 0 bytes: why there are no more.
    Failure failure() const;
    const std::string& failure_text() const;

 private:
    std::size_t take_ready(std::span<std::byte> into);
    bool is_empty() const;
    template <class Call>
    awaitable<std::size_t> take_from_socket(Call& call);

    Transport& transport_;
    std::shared_ptr<Transfer> transfer_;
    bool asked_for_socket_ = false;
    /// Where the socket ended before the body.
    bool broken_ = false;
};

struct HttpStream {
    /// The body is in it unless there is a stream.
    HttpAnswer answer = {};
    /// Null when the answer is not a success.
    std::unique_ptr<BodyStream> body = nullptr;
};

/// Sends requests to any hosts and keeps connections. Every member may be called from any thread;
/// nothing may be under way when it is destroyed, except in the background. The thread starts with
/// the first request.
class Transport {
 public:
    explicit Transport(TransportOptions options);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Sends a request and collects the answer. A failure is part of the answer, not an exception.
    awaitable<HttpAnswer> perform(HttpRequest& request);
    /// Returns as soon as the headers of a successful answer are there; any other is collected.
    awaitable<HttpStream> open(HttpRequest& request);

    /// Waits, with a clock of its own: the caller's executor need not have one. In the background
    /// only until that ends.
    awaitable<void> pause(std::chrono::milliseconds duration, bool background = false);

    /// From now on a request of the background is given up at `deadline`, and has no pauses.
    void end_background(std::chrono::steady_clock::time_point deadline);

 private:
    friend class BodyStream;
    class Thread;
    class Hold;

    std::unique_ptr<Thread> thread_;
};

}  // namespace pkgreg::s3
