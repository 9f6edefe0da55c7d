#include "server/connection.hpp"

#include "pkgreg/error.hpp"

#include "server/event_loop.hpp"
#include "server/tls/session.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

namespace pkgreg {
namespace {

// What a request counts for when turns are shared out, besides its bytes.
constexpr std::size_t request_cost = std::size_t{32} << 10;
// What is dropped of a peer that goes on sending after it was refused.
constexpr std::size_t max_lingering = std::size_t{64} << 20;

/// The answer to a request whose body broke, where the handler gave none.
unsigned status_of(ErrorCode failure) noexcept {
    switch (failure) {
        case ErrorCode::timeout: return 408;
        case ErrorCode::too_large: return 413;
        case ErrorCode::unavailable: return 503;
        default: return 400;
    }
}

}  // namespace

Connection::Connection(EventLoop& loop, const ConnectionContext& context, NewConnection connection)
    : context_(context),
      channel_(loop, std::move(connection.socket), std::move(connection.tls)),
      parser_(context.options.max_header_bytes, context.options.max_header_fields),
      body_(channel_),
      peer_(std::move(connection.peer)),
      redirect_port_(std::move(connection.redirect_port)),
      number_(connection.number) {}

/// Agrees on keys. Who speaks plain HTTP instead is told so, in plain HTTP.
awaitable<bool> Connection::begin_tls() {
    const bool agreed = co_await channel_.handshake();
    const TlsSession& tls = *channel_.tls();
    if (agreed) {
        certificate_ = tls.peer_certificate();
        co_return true;
    }
    if (tls.peer_speaks_http()) channel_.refuse_plain_http();
    if (context_.options.log && !tls.failure().empty()) {
        log(LogLevel::debug, "no TLS with " + peer_ + ": " + tls.failure());
    }
    co_return false;
}

awaitable<void> Connection::serve() {
    if (channel_.tls()) {
        const bool agreed = co_await begin_tls();
        if (!agreed) co_return;
    }
    Next next = Next::request;
    while (next == Next::request) {
        const HeadResult head = co_await read_head();
        if (head == HeadResult::gone) co_return;
        next = co_await exchange(head);
    }
    if (next == Next::linger) co_await linger();
}

/// Waits for the first byte of a request; false when none comes.
awaitable<bool> Connection::await_request() {
    ReceiveBuffer& buffer = channel_.buffer();
    buffer.settle();
    co_await channel_.give_way();
    refuse_new_ = channel_.loop().draining();
    if (!buffer.empty()) co_return true;
    while (true) {
        if (!refuse_new_) {
            const bool ready = co_await channel_.wait_readable(Waiting::request);
            refuse_new_ = channel_.loop().draining();
            if (!ready && !refuse_new_) co_return false;
        }
        // Also when the server drains: a request that came just now is owed an answer.
        buffer.make_space();
        const IoResult result = channel_.fill();
        if (result.status != IoStatus::would_block) co_return result.status == IoStatus::ok;
        if (refuse_new_) co_return false;
        buffer.settle();
    }
}

awaitable<Connection::HeadResult> Connection::read_head() {
    const bool begun = co_await await_request();
    if (!begun) co_return HeadResult::gone;
    if (context_.options.access_log) began_ = std::chrono::steady_clock::now();
    channel_.begin_request();
    channel_.spend(request_cost);
    parser_.restart();
    ReceiveBuffer& buffer = channel_.buffer();
    while (true) {
        const auto result = parser_.parse(buffer.unread());
        if (result == RequestParser::Result::complete) co_return HeadResult::request;
        if (result == RequestParser::Result::refused) co_return HeadResult::refused;
        if (buffer.space().empty()) {
            buffer.make_space();
            parser_.restart();
        }
        const IoResult received = channel_.fill();
        if (received.status == IoStatus::ok) continue;
        if (received.status != IoStatus::would_block) co_return HeadResult::gone;
        const bool ready = co_await channel_.wait_readable(Waiting::head);
        if (ready) continue;
        if (!channel_.expired()) co_return HeadResult::gone;
        parser_.refuse_late();
        co_return HeadResult::refused;
    }
}

/// One request and its answer.
awaitable<Connection::Next> Connection::exchange(HeadResult head) {
    const RequestHead& request = parser_.head();
    if (head == HeadResult::request) channel_.buffer().consume(parser_.size());
    choose_request_id();
    body_.begin(request, context_.options.max_body_bytes);
    HttpResponse response = co_await respond(head);

    bool keep_alive = head == HeadResult::request && request.keep_alive && !refuse_new_ &&
                      !channel_.loop().draining() && !body_.failure();
    keep_alive = keep_alive && body_.discard_some();
    SendResult sent = co_await send(response, keep_alive);
    if (sent.complete) sent.complete = co_await channel_.flush(Waiting::response);
    if (context_.options.access_log) report(response.status(), sent);
    if (!sent.failure.empty()) {
        log(LogLevel::error,
            "a response to " + std::string(request.target) + " was cut short: " + sent.failure);
    }
    if (!sent.complete) co_return Next::close;
    if (!keep_alive) co_return Next::linger;
    const bool usable = co_await body_.discard_rest();
    co_return usable ? Next::request : Next::close;
}

awaitable<HttpResponse> Connection::respond(HeadResult head) {
    if (head == HeadResult::refused) {
        co_return error_response(parser_.refusal().status, parser_.refusal().message);
    }
    if (refuse_new_) co_return error_response(503, "the server is shutting down");
    if (!redirect_port_.empty()) co_return redirect();
    const std::uint64_t max_body = context_.options.max_body_bytes;
    if (max_body != 0 && parser_.head().content_length > max_body) {
        co_return error_response(413, "the request's body is larger than this server accepts");
    }
    co_return co_await call_handler();
}

/// To the same target over TLS. 308, so that the method and the body come again (RFC 9110, 15.4.9).
HttpResponse Connection::redirect() const {
    const RequestHead& head = parser_.head();
    std::string_view host;
    for (const HeaderField& field : head.fields) {
        if (same_field_name(field.name, "Host")) host = field.value;
    }
    const std::size_t bracket = host.find(']');
    host = host.substr(0, host.find(':', bracket == std::string_view::npos ? 0 : bracket));
    if (host.empty() || !head.target.starts_with('/')) {
        return error_response(400, "this port speaks plain HTTP; use https");
    }
    std::string location("https://");
    location.append(host);
    if (redirect_port_ != "443") location.append(":").append(redirect_port_);
    location.append(head.target);
    HttpResponse response(308);
    response.header("Location", location);
    return response;
}

awaitable<HttpResponse> Connection::call_handler() {
    const RequestHead& head = parser_.head();
    HttpRequest request;
    request.method = head.method;
    request.target = head.target;
    request.headers = head.fields;
    request.body = head.framing == BodyFraming::none ? nullptr : &body_;
    request.client = peer_;
    request.id = request_id_;
    request.secure = channel_.tls() != nullptr;
    request.certificate = certificate_.get();
    std::string thrown = "unknown";
    try {
        co_return co_await context_.handler.handle(request);
    } catch (const std::exception& error) {
        thrown = error.what();
    } catch (...) {
    }
    if (body_.failure()) {
        co_return error_response(status_of(*body_.failure()), "the request's body cannot be used");
    }
    log(LogLevel::error, "a handler threw at " + std::string(head.target) + ": " + thrown);
    co_return error_response(500, "an unexpected error; the log of the server has more");
}

awaitable<SendResult> Connection::send(HttpResponse& response, bool keep_alive) {
    const RequestHead& head = parser_.head();
    ResponseContext context;
    context.method = head.method;
    context.http_1_1 = head.http_1_1;
    context.keep_alive = keep_alive;
    const bool show_id = !head.request_id.empty() || response.status() >= 400;
    if (show_id) context.request_id = request_id_;
    std::string failure;
    try {
        co_return co_await send_response(channel_, response, context, context_.pool);
    } catch (const std::exception& error) {
        failure = error.what();
    }
    log(LogLevel::error,
        "a response to " + std::string(head.target) + " cannot be read: " + failure);
    response = error_response(500, "the content cannot be read; the log of the server has more");
    co_return co_await send_response(channel_, response, context, context_.pool);
}

/// Ends the connection so that the peer can read the last answer: to close with bytes unread would
/// reset the connection and take the answer along.
awaitable<void> Connection::linger() {
    channel_.shut_down_send();
    std::size_t dropped = 0;
    while (dropped < max_lingering) {
        const IoResult result = channel_.drop();
        dropped += result.bytes;
        if (result.status == IoStatus::ok) continue;
        if (result.status != IoStatus::would_block) co_return;
        const bool ready = co_await channel_.wait_readable(Waiting::last);
        if (!ready) co_return;
    }
}

void Connection::choose_request_id() {
    ++requests_;
    request_id_ = parser_.head().request_id;
    if (!request_id_.empty()) return;
    char* at = own_id_.data();
    char* const end = at + own_id_.size();
    std::memcpy(at, context_.id_prefix.data(), context_.id_prefix.size());
    at += context_.id_prefix.size();
    *at++ = '-';
    at = std::to_chars(at, end, number_, 16).ptr;
    *at++ = '-';
    at = std::to_chars(at, end, requests_, 16).ptr;
    request_id_ = {own_id_.data(), static_cast<std::size_t>(at - own_id_.data())};
}

void Connection::report(unsigned status, const SendResult& sent) const {
    AccessRecord record;
    record.client = peer_;
    record.request_id = request_id_;
    const RequestHead& head = parser_.head();
    record.method = head.method_name;
    record.target = head.target;
    for (const HeaderField& field : head.fields) {
        if (same_field_name(field.name, "User-Agent")) record.user_agent = field.value;
    }
    record.status = status;
    record.bytes_in = body_.received();
    record.bytes_out = sent.body_bytes;
    record.duration = std::chrono::steady_clock::now() - began_;
    record.complete = sent.complete;
    context_.options.access_log(record);
}

void Connection::log(LogLevel level, const std::string& line) const {
    if (context_.options.log) context_.options.log(level, line);
}

}  // namespace pkgreg
