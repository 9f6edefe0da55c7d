// The HTTP client's clocks: they watch whether a transfer moves, not how long it takes.
#include "cli/http_client.hpp"

#include "base/unique_fd.hpp"
#include "cli/exit_code.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>

namespace pkgreg::cli {
namespace {

using namespace std::chrono_literals;

/// Listens on a free port, and does with the first connection what the test wants.
class Server {
 public:
    explicit Server(std::function<void(int)> behave)
        : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_.get(), generic, length) != 0 || ::listen(listener_.get(), 4) != 0 ||
            ::getsockname(listener_.get(), generic, &length) != 0) {
            throw std::runtime_error("cannot listen");
        }
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this, behave = std::move(behave)] {
            const UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
            behave(connection.get());
        });
    }
    ~Server() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    const std::string& url() const { return url_; }

 private:
    UniqueFd listener_;
    std::string url_;
    std::thread thread_;
};

void say(int connection, std::string_view text) {
    ::send(connection, text.data(), text.size(), MSG_NOSIGNAL);
}

/// Waits until the client has gone.
void wait_for_end(int connection) {
    char byte = 0;
    while (::recv(connection, &byte, 1, 0) > 0) {
    }
}

TEST(HttpClient, a_server_that_says_nothing_is_given_up) {
    const Server server(wait_for_end);
    HttpClientOptions options;
    options.stall = 1s;
    HttpClient client(server.url(), options);
    try {
        client.get("/");
        FAIL();
    } catch (const ProgramError& error) {
        EXPECT_EQ(error.code(), ExitCode::server);
        EXPECT_EQ(std::string(error.what()),
                  "no answer from " + server.url() + ": nothing moved for 1 s");
    }
}

TEST(HttpClient, the_answer_to_a_body_may_take_longer) {
    const Server server([](int connection) {
        std::this_thread::sleep_for(2500ms);
        say(connection, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        wait_for_end(connection);
    });
    HttpClientOptions options;
    options.stall = 1s;
    HttpClient client(server.url(), options);
    ServerRequest request;
    request.method = "POST";
    request.target = "/";
    request.body = "content";
    EXPECT_EQ(client.send(request).status, 201);
}

TEST(HttpClient, a_slow_transfer_that_moves_goes_on) {
    const Server server([](int connection) {
        say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
        for (int i = 0; i < 8; ++i) {
            std::this_thread::sleep_for(400ms);
            say(connection, "x");
        }
        wait_for_end(connection);
    });
    HttpClientOptions options;
    options.stall = 1s;
    HttpClient client(server.url(), options);
    EXPECT_EQ(client.get("/").body, "xxxxxxxx");
}

TEST(HttpClient, what_progress_throws_ends_the_request) {
    const Server server(wait_for_end);
    HttpClient client(server.url());
    ServerRequest request;
    request.method = "POST";
    request.target = "/";
    request.body = "content";
    request.progress = [](std::uint64_t) { throw std::runtime_error("enough"); };
    EXPECT_THROW(client.send(request), std::runtime_error);
}

TEST(HttpClient, an_answer_beyond_its_limit_is_not_taken) {
    const Server server([](int connection) {
        say(connection, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890");
        wait_for_end(connection);
    });
    HttpClient client(server.url());
    ServerRequest request;
    request.target = "/";
    request.max_answer = 10;
    EXPECT_THROW(client.send(request), ProgramError);
}

}  // namespace
}  // namespace pkgreg::cli
