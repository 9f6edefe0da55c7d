// Limits on time, size and number. The tests use short ones; what must hold is that nothing ends
// before its limit, and all ends soon after.
#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <sys/socket.h>
#include <thread>

namespace pkgreg::test {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// Long against a sweep of 10 ms or more, and short against the patience of a test.
constexpr milliseconds limit{200};
constexpr milliseconds soon{10'000};

ServerOptions quick_limits() {
    ServerOptions options = test_options();
    options.header_timeout = limit;
    options.stall_timeout = limit;
    options.idle_timeout = limit;
    options.min_bytes_per_second = 0;
    return options;
}

/// Sends a byte now and then until the server ends the connection; how long that took.
milliseconds drip(TestClient& client, std::string_view bytes) {
    const auto start = Clock::now();
    for (const char c : bytes) {
        if (!client.is_silent(milliseconds(20)) || !client.send({&c, 1})) break;
    }
    return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

TEST(Limits, AnIdleConnectionIsClosedInTime) {
    TestServer server(quick_limits());
    TestClient fresh(server.url());
    TestClient used(server.url());
    used.ask(get("/hello"));
    const auto start = Clock::now();
    EXPECT_TRUE(fresh.is_silent(milliseconds(100)));
    EXPECT_TRUE(fresh.is_closed());
    EXPECT_TRUE(used.is_closed());
    EXPECT_LT(Clock::now() - start, soon);
    EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
}

TEST(Limits, AHeadThatDripsInIsCutOff) {
    TestServer server(quick_limits());
    TestClient client(server.url());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ");
    const milliseconds took = drip(client, std::string(500, 'a'));
    EXPECT_GE(took, limit);
    EXPECT_LT(took, soon);
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 408u);
    EXPECT_EQ(answer.field("Connection"), "close");
}

TEST(Limits, ABodyThatStopsIsCutOff) {
    TestServer server(quick_limits());
    for (const std::string path : {"/echo", "/wait"}) {
        TestClient client(server.url());
        const auto start = Clock::now();
        client.send("PUT " + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        const Answer answer = client.read_answer();
        EXPECT_EQ(answer.status, 408u);
        EXPECT_EQ(answer.body, "TIMEOUT");
        EXPECT_GE(Clock::now() - start, limit);
        EXPECT_LT(Clock::now() - start, soon);
        EXPECT_TRUE(client.is_closed());
    }
}

TEST(Limits, ABodyThatDripsInIsCutOffByTheLeastSpeed) {
    ServerOptions options = quick_limits();
    options.min_bytes_per_second = 10'000;
    TestServer server(options);
    TestClient client(server.url());
    client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    const milliseconds took = drip(client, std::string(900, 'a'));
    EXPECT_GE(took, limit);
    EXPECT_LT(took, soon);
    EXPECT_EQ(client.read_answer().status, 408u);
}

TEST(Limits, ABodyThatIsSlowButFastEnoughArrives) {
    ServerOptions options = quick_limits();
    options.min_bytes_per_second = 5;
    TestServer server(options);
    TestClient client(server.url());
    client.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n");
    drip(client, std::string(50, 'a'));
    EXPECT_EQ(client.read_answer().body, std::string(50, 'a'));
}

TEST(Limits, AReaderThatStopsIsCutOff) {
    TestServer server(quick_limits());
    for (const std::string kind : {"file", "memory", "reader"}) {
        TestClient client(server.url());
        client.send(get("/" + kind + "/50000000"));
        ASSERT_FALSE(client.read_head().empty());
        EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }, soon));
        EXPECT_LT(client.read_to_end(), 50'000'000u);
    }
}

TEST(Limits, ASlowHandlerIsNotThePeersFault) {
    TestServer server(quick_limits());
    TestClient client(server.url());
    client.send(get("/pause"));
    EXPECT_TRUE(client.is_silent(4 * limit));
    server.handler->release();
    EXPECT_EQ(client.read_answer().body, "paused");
}

TEST(Limits, ABodyOverTheLimitIsRefused) {
    ServerOptions options = test_options();
    options.max_body_bytes = 1000;
    TestServer server(options);
    EXPECT_EQ(TestClient(server.url()).ask(put("/echo", pattern(1000))).status, 200u);
    const Answer announced = TestClient(server.url()).ask(put("/echo", pattern(1001)));
    EXPECT_EQ(announced.status, 413u);
    const Answer found =
        TestClient(server.url())
            .ask(put_chunked("/echo") + "3e9\r\n" + pattern(1001) + "\r\n0\r\n\r\n");
    EXPECT_EQ(found.status, 413u);
    EXPECT_EQ(found.field("Connection"), "close");
}

TEST(Limits, ConnectionsOverTheLimitWaitForOneThatEnds) {
    ServerOptions options = test_options();
    options.max_connections = 2;
    TestServer server(options);
    TestClient first(server.url());
    TestClient second(server.url());
    EXPECT_EQ(first.ask(get("/hello")).body, "hello");
    EXPECT_EQ(second.ask(get("/hello")).body, "hello");
    TestClient third(server.url());
    third.send(get("/hello"));
    EXPECT_TRUE(third.is_silent(milliseconds(100)));
    EXPECT_EQ(server.server->connections(), 2u);
    first.close();
    EXPECT_EQ(third.read_answer().body, "hello");
}

}  // namespace
}  // namespace pkgreg::test
