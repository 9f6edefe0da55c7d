// Many connections that behave badly at once: nothing leaks and the server goes on.
#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg::test {
namespace {

/// Does a random part of a conversation and drops the connection in the middle.
void misbehave(const std::string& url, std::mt19937& random) {
    const std::string body = pattern(random() % 100'000);
    const std::vector<std::string> conversations = {
        get("/hello") + get("/file/300000") + get("/memory/300000"),
        put("/echo", body) + put("/count", body),
        put_chunked("/echo") + "5\r\nhello\r\n0\r\n\r\n" + get("/reader/300000"),
        put("/ignore", body),
        "GET /hello HTTP/1.1\r\nExpect: nothing\r\n\r\n",
    };
    const std::string& all = conversations[random() % conversations.size()];
    TestClient client(url, std::chrono::milliseconds(50));
    client.send(std::string_view(all).substr(0, random() % (all.size() + 1)));
    if (random() % 3 == 0) client.is_silent(std::chrono::milliseconds(random() % 5));
    if (random() % 3 == 0) client.read(random() % 100'000);
    if (random() % 2 == 0) {
        client.reset();
    } else if (random() % 2 == 0) {
        client.finish_sending();
    }
}

TEST(Connections, AThousandDroppedAtRandomMomentsLeaveNothingBehind) {
    ServerOptions options = test_options();
    options.header_timeout = std::chrono::seconds(2);
    options.idle_timeout = std::chrono::seconds(2);
    options.stall_timeout = std::chrono::seconds(2);
    TestServer server(options);
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 4; ++seed) {
        threads.emplace_back([&, seed] {
            std::mt19937 random(seed);
            for (int i = 0; i < 250; ++i) misbehave(server.url(), random);
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
    EXPECT_EQ(TestClient(server.url()).ask(get("/hello")).body, "hello");
}

TEST(Connections, AServerThatEndsAmongThemEndsCleanly) {
    for (unsigned round = 0; round < 5; ++round) {
        TestServer server;
        std::vector<std::thread> threads;
        std::atomic<bool> ended{false};
        for (unsigned seed = 0; seed < 4; ++seed) {
            threads.emplace_back([&, seed] {
                std::mt19937 random(seed + 100 * round);
                while (!ended) {
                    try {
                        misbehave(server.url(), random);
                    } catch (const std::runtime_error&) {
                        return;  // the server has ended
                    }
                }
            });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        server.server->drain(std::chrono::milliseconds(20));
        ended = true;
        for (std::thread& thread : threads) thread.join();
        EXPECT_EQ(server.server->connections(), 0u);
    }
}

TEST(Connections, AreSharedOutAmongTheLoops) {
    TestServer server;
    std::deque<TestClient> clients;
    for (int i = 0; i < 200; ++i) clients.emplace_back(server.url());
    for (TestClient& client : clients) client.send(get("/hello"));
    for (TestClient& client : clients) EXPECT_EQ(client.read_answer().body, "hello");
    EXPECT_EQ(server.server->connections(), 200u);
}

TEST(Connections, RunningOutOfDescriptorsIsSurvived) {
#if defined(__SANITIZE_ADDRESS__)
    // Before it reports a virtual call, UBSan probes the object's memory through a pipe; a process
    // without descriptors cannot make one, and a valid object is reported.
    GTEST_SKIP() << "UBSan's check of virtual calls needs descriptors of its own";
#endif
    TestServer server;
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    std::deque<TestClient> clients;
    for (int i = 0; i < 20; ++i) clients.emplace_back(server.url());
    ASSERT_EQ(clients.back().ask(get("/hello")).body, "hello");
    TestClient waiting(server.url());
    ASSERT_TRUE(eventually([&] { return server.server->connections() == 21; }));
    // From here on the process has one descriptor left: a client can connect, nobody can accept.
    const int lowest = ::dup(0);
    const int next = ::dup(0);
    ::close(next);
    const rlimit few{static_cast<rlim_t>(next) + 1, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    TestClient late(server.url());
    late.send(get("/hello"));
    const bool silent = late.is_silent(std::chrono::milliseconds(250));
    EXPECT_EQ(clients.front().ask(get("/hello")).body, "hello");
    ::setrlimit(RLIMIT_NOFILE, &before);
    ::close(lowest);
    EXPECT_TRUE(silent);
    EXPECT_EQ(late.read_answer().body, "hello");
}

}  // namespace
}  // namespace pkgreg::test
