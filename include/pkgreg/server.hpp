// Server: HTTP/1.1 on sockets in front of an HttpHandler.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/tls.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// What the access log tells of one request, when its last byte was sent or its connection broke.
/// Views live only during the call.
struct AccessRecord {
    std::string_view client;  ///< address, or `unix`
    std::string_view request_id;  ///< what other lines of the log call it
    std::string_view method;
    std::string_view target;  ///< as it came
    std::string_view user_agent;
    unsigned status = 0;  ///< of the response
    std::uint64_t bytes_in = 0;   ///< body bytes received
    std::uint64_t bytes_out = 0;  ///< body bytes sent
    std::chrono::nanoseconds duration{0};  ///< from its beginning to its end
    /// False when the connection broke before the response was out.
    bool complete = true;
};

/// How a server listens and what it tolerates. Zero switches a limit off.
struct ServerOptions {
    // Behaviour.
    /// Addresses: `127.0.0.1:5000`, `[::1]:0` (0: any free port), `localhost:5000`,
    /// `unix:/run/pkgreg.sock`.
    std::vector<std::string> listen = {"127.0.0.1:5000"};
    /// Allow plain HTTP on addresses other than loopback.
    bool allow_http = false;
    /// Speak TLS on all addresses but unix sockets; nothing: plain HTTP.
    std::optional<TlsOptions> tls = {};
    /// Addresses, as above, that send every request on to the first one that speaks TLS (308).
    /// They may be any, whatever `allow_http` says.
    std::vector<std::string> redirect = {};

    // Limits.
    /// Connections at most; who comes then waits in the kernel's queue.
    std::size_t max_connections = 4096;
    /// Bytes of request line and fields (431 beyond).
    std::size_t max_header_bytes = std::size_t{32} << 10;
    /// Header fields of one request (431 beyond).
    std::size_t max_header_fields = 100;
    /// From a request's first byte to the end of its fields (408 beyond).
    std::chrono::milliseconds header_timeout = std::chrono::seconds(15);
    /// Without a byte moving in either direction while a body is transferred.
    std::chrono::milliseconds stall_timeout = std::chrono::seconds(60);
    /// A body must come, and a response must be taken, at this many bytes a second on average,
    /// measured over `stall_timeout`.
    std::uint64_t min_bytes_per_second = 1024;
    /// Between requests of one connection.
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(120);
    /// Largest body of a request.
    std::uint64_t max_body_bytes = 0;

    // Performance.
    /// Event loops, each on a thread of its own; 0: one per core.
    std::size_t threads = 0;

    /// Called for every request when set; from several threads at once. Must not throw.
    std::function<void(const AccessRecord&)> access_log = {};
    LogCallback log = {};  ///< may be empty
};

/// A running server. Every member may be called from any thread but the server's own.
class Server {
 public:
    /// Binds every address and starts. Throws `invalid_options` for an address that cannot be read
    /// or may not be used, and for a certificate that cannot; `locked` when a port is taken (the
    /// message says how to find by whom), `denied`, `unsupported` in a build without it, else `io`.
    ///
    /// @param tick called every second or so on a thread of the server (null: not), for work that
    ///             has to be done from time to time; must not throw
    static std::unique_ptr<Server> start(std::shared_ptr<HttpHandler> handler,
                                         ServerOptions options,
                                         std::function<awaitable<void>()> tick = {});
    /// Stops at once: connections are closed.
    virtual ~Server() = default;

    /// One URL per address of `ServerOptions::listen`, with the ports that were chosen:
    /// `http://127.0.0.1:41207`.
    virtual const std::vector<std::string>& urls() const noexcept = 0;
    /// Open connections.
    virtual std::size_t connections() const noexcept = 0;
    /// Stops listening, ends idle connections, lets running transfers finish for at most `grace`,
    /// then closes what is left. Returns when all is closed; true when nothing had to be cut off.
    virtual bool drain(std::chrono::milliseconds grace) = 0;
};

}  // namespace pkgreg
