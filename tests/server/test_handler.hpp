// A handler with one small behaviour per path, and a server around it.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/server.hpp"

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg::test {

/// What the paths do:
///
///   /hello          answers `hello`
///   /about          answers with method, target, client and request id, one per line
///   /echo           reads the whole body and answers with it
///   /count          reads the whole body in pieces of 256 KiB, answers how long it was
///   /wait           the same, with `wait` before each read
///   /ignore         answers without reading the body
///   /first          reads one piece of the body, answers
///   /slow           reads a piece of 64 KiB every 2 ms
///   /pause          answers after `release` was called
///   /block          holds the whole event loop until `release` was called
///   /empty          204
///   /same           304
///   /memory/N       N bytes from memory, shared
///   /shared/N       N bytes through a reader that has memory
///   /file/N         N bytes through a reader that has a file
///   /reader/N       N bytes through a reader that can only be read
///   /short/N        half of that, then the reader fails
///   /unreadable     a reader that fails at once
///   /throw          breaks the contract of HttpHandler
///   otherwise       404
class TestHandler final : public HttpHandler {
 public:
    awaitable<HttpResponse> handle(const HttpRequest& request) override;

    /// Lets those that are at `/pause` go on, and those that come.
    void release();
    /// How many are at `/pause`.
    std::size_t paused();
    /// Somebody is at `/block`.
    std::atomic<bool> blocked{false};

    /// The longest piece that a read gave.
    std::atomic<std::size_t> largest_read{0};
    /// Bytes that `/slow` has read.
    std::atomic<std::uint64_t> slow_bytes{0};

 private:
    awaitable<HttpResponse> take_body(const HttpRequest& request, bool wait);
    awaitable<HttpResponse> take_slowly(const HttpRequest& request);
    awaitable<void> pause();
    void block();

    std::mutex mutex_;
    std::condition_variable unblock_;
    bool released_ = false;
    std::vector<std::function<void()>> waiting_;
};

/// The byte at a place of the bodies that the handler makes.
inline char byte_at(std::uint64_t place) {
    return static_cast<char>('a' + place % 23);
}
std::string pattern(std::size_t length);

/// What a test asks of a server, with limits that are not in its way.
ServerOptions test_options();

struct TestServer {
    explicit TestServer(ServerOptions options = test_options())
        : handler(std::make_shared<TestHandler>()),
          server(Server::start(handler, std::move(options))) {}
    ~TestServer() { handler->release(); }

    const std::string& url() const { return server->urls().front(); }

    std::shared_ptr<TestHandler> handler;
    std::unique_ptr<Server> server;
};

/// A request without a body, as a well-behaved client sends it.
inline std::string get(std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n\r\n";
}
/// A request with a body of known length.
inline std::string put(std::string_view target, std::string_view body) {
    return "PUT " + std::string(target) +
           " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
}
/// The head of a request with a chunked body.
inline std::string put_chunked(std::string_view target) {
    return "PUT " + std::string(target) +
           " HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
}

}  // namespace pkgreg::test
