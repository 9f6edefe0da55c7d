// One connection from its first byte to its last: requests one after the other, each handed to the
// handler and answered.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/server.hpp"
#include "pkgreg/work_pool.hpp"

#include "server/channel.hpp"
#include "server/request_body.hpp"
#include "server/request_parser.hpp"
#include "server/response_writer.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// What all connections of a server use.
struct ConnectionContext {
    HttpHandler& handler;
    const ServerOptions& options;
    WorkPool& pool;
    /// Begins the ids of requests, so that those of two processes differ.
    std::string id_prefix;
};

/// A connection that was accepted.
struct NewConnection {
    NewConnection(UniqueFd accepted, std::string name, std::uint64_t n) noexcept
        : socket(std::move(accepted)), peer(std::move(name)), number(n) {}

    UniqueFd socket;
    /// Who it is, for logs.
    std::string peer;
    /// Unique in the server.
    std::uint64_t number;
    /// What it speaks TLS with; null: it does not.
    std::shared_ptr<ssl_ctx_st> tls = nullptr;
    /// Not empty: requests are only sent on, to the same host at `https` and this port.
    std::string redirect_port = {};
};

class Connection {
 public:
    Connection(EventLoop& loop, const ConnectionContext& context, NewConnection connection);

    /// Serves until the peer or the server ends the connection.
    awaitable<void> serve();

 private:
    enum class HeadResult : std::uint8_t { request, refused, gone };
    enum class Next : std::uint8_t { request, linger, close };

    awaitable<HeadResult> read_head();
    awaitable<bool> begin_tls();
    awaitable<bool> await_request();
    HttpResponse redirect() const;
    awaitable<Next> exchange(HeadResult head);
    awaitable<HttpResponse> respond(HeadResult head);
    awaitable<HttpResponse> call_handler();
    awaitable<SendResult> send(HttpResponse& response, bool keep_alive);
    awaitable<void> linger();
    void choose_request_id();
    void report(unsigned status, const SendResult& sent) const;
    void log(LogLevel level, const std::string& line) const;

    const ConnectionContext& context_;
    Channel channel_;
    RequestParser parser_;
    RequestBody body_;
    const std::string peer_;
    const std::string redirect_port_;
    const std::uint64_t number_;
    std::unique_ptr<const ClientCertificate> certificate_;  // what TLS verified
    std::uint64_t requests_ = 0;
    bool refuse_new_ = false;  // the request began after the server began to drain
    std::chrono::steady_clock::time_point began_;
    std::array<char, 80> own_id_;
    std::string_view request_id_;
};

}  // namespace pkgreg
