// A blocking HTTP client that can misbehave: it sends the bytes it is told, reads answers one by
// one, and sees when the connection ends.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>

namespace pkgreg::test {

struct Answer {
    unsigned status = 0;
    std::string head;  // status line and fields, with the empty line
    std::string body;

    /// The value of a field, or nothing.
    std::optional<std::string> field(std::string_view name) const;
};

class TestClient {
 public:
    /// Connects to an URL as `Server::urls` has it. Every wait is over after `patience`.
    explicit TestClient(const std::string& url,
                        std::chrono::milliseconds patience = std::chrono::seconds(20));
    ~TestClient();
    TestClient(TestClient&& other) noexcept;
    TestClient& operator=(TestClient&&) = delete;

    int fd() const noexcept { return fd_; }

    /// False when the connection broke.
    bool send(std::string_view bytes);
    /// Sends, then reads one answer.
    Answer ask(std::string_view request);
    /// The next answer; status 0 when the connection ended first. `head_only`: it has no body.
    Answer read_answer(bool head_only = false);
    /// The next answer's head only.
    std::string read_head();
    /// Up to `n` bytes: fewer when the connection ends.
    std::string read(std::size_t n);
    /// Reads and counts to the end of the connection.
    std::uint64_t read_to_end();
    /// The server ended the connection (everything that was sent before is read and dropped).
    bool is_closed();
    /// Nothing comes for that long.
    bool is_silent(std::chrono::milliseconds time);
    void finish_sending();
    /// Ends the connection with a reset.
    void reset();
    void close();

 private:
    bool receive_more();

    int fd_ = -1;
    std::string buffer_;
};

/// Connects a socket and says whether the server takes it: false when nobody listens.
bool can_connect(const std::string& url);

/// The port of an URL with one.
std::string port_of(const std::string& url);

/// Whether the condition comes true in time.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds limit = std::chrono::seconds(20));

/// The resident memory of this process in bytes.
std::size_t resident_memory();

}  // namespace pkgreg::test

#include <thread>

template <class Condition>
bool pkgreg::test::eventually(Condition condition, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}
