// A server of HTTP/1.1 that does what a test tells it to: it answers, or breaks off, in any way.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace pkgreg::s3 {

/// A request as it came.
struct Received {
    std::string method;
    std::string target;
    /// Names in lower case.
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// Which request of the server's this is, from 1.
    int number = 0;

    std::string header(std::string_view name) const;
};

/// What is done with the connection when the text of a reply has been written.
enum class Then : std::uint8_t { keep, close, reset, stall };

struct Reply {
    /// As it goes out; empty: no answer at all.
    std::string text;
    Then then = Then::keep;
    /// How many bytes `x` follow the text.
    std::uint64_t filler = 0;
};

/// An answer with the length that it says.
Reply reply(int status, std::string_view body, std::string_view headers = {});
/// An answer with so many bytes `x`.
Reply large_reply(std::uint64_t size);
/// An `<Error>` document.
Reply error_reply(int status, std::string_view code, std::string_view more = {},
                  std::string_view headers = {});

/// Listens on a free port of 127.0.0.1. Each connection has a thread; the script may be called by
/// several at once only when there are several connections.
class ScriptedServer {
 public:
    using Script = std::function<Reply(const Received&)>;

    explicit ScriptedServer(Script script);
    ~ScriptedServer();
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;

    std::string url() const;
    int requests() const noexcept { return requests_; }
    int connections() const noexcept { return connections_; }
    /// How many bytes of replies the sockets have taken.
    std::uint64_t sent() const noexcept { return sent_; }
    /// The requests so far.
    std::vector<Received> received() const;

 private:
    void accept_all();
    void serve(int socket);
    bool read_request(int socket, std::string& buffer, Received& request) const;
    bool send_filler(int socket, std::uint64_t size);
    bool send_all(int socket, std::string_view text);
    /// Waits until the server ends or the peer does.
    void wait_for_the_end(int socket) const;

    const Script script_;
    int listener_ = -1;
    int end_ = -1;  ///< readable once the server is to end
    std::uint16_t port_ = 0;
    std::atomic<int> requests_{0};
    std::atomic<int> connections_{0};
    std::atomic<std::uint64_t> sent_{0};
    mutable std::mutex mutex_;
    std::vector<Received> received_;
    std::list<std::thread> threads_;
    std::thread acceptor_;
};

}  // namespace pkgreg::s3
