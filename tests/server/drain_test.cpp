// How a server ends: running transfers finish, nothing new begins, nothing is left behind.
#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

namespace pkgreg::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Drain, ARunningTransferFinishesAndSaysThatTheConnectionEnds) {
    TestServer server;
    TestClient client(server.url());
    client.send(get("/pause"));
    ASSERT_TRUE(eventually([&] { return server.handler->paused() == 1; }));
    auto drained = std::async([&] { return server.server->drain(seconds(20)); });
    EXPECT_TRUE(eventually([&] { return !can_connect(server.url()); }));
    server.handler->release();
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.body, "paused");
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.is_closed());
    client.close();
    EXPECT_TRUE(drained.get());
    EXPECT_EQ(server.server->connections(), 0u);
}

TEST(Drain, ALongDownloadAndALongUploadFinish) {
    TestServer server;
    TestClient down(server.url());
    TestClient up(server.url());
    down.send(get("/file/40000000"));
    ASSERT_FALSE(down.read_head().empty());
    up.send("PUT /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return server.server->connections() == 2; }));
    up.send("a");
    ASSERT_TRUE(eventually([&] { return server.handler->largest_read == 1; }));
    auto drained = std::async([&] { return server.server->drain(seconds(60)); });
    EXPECT_TRUE(eventually([&] { return !can_connect(server.url()); }));
    EXPECT_EQ(down.read(40'000'000).size(), 40'000'000u);
    up.send(pattern(2'999'999));
    const Answer answer = up.read_answer();
    EXPECT_EQ(answer.body, "3000000");
    EXPECT_EQ(answer.field("Connection"), "close");
    down.close();
    up.close();
    EXPECT_TRUE(drained.get());
}

TEST(Drain, IdleConnectionsEndAtOnce) {
    TestServer server;
    TestClient fresh(server.url());
    TestClient used(server.url());
    used.ask(get("/hello"));
    ASSERT_TRUE(eventually([&] { return server.server->connections() == 2; }));
    EXPECT_TRUE(server.server->drain(seconds(20)));
    EXPECT_TRUE(fresh.is_closed());
    EXPECT_TRUE(used.is_closed());
}

TEST(Drain, APipelinedRequestBehindARunningOneIsNotLostInSilence) {
    TestServer server;
    TestClient client(server.url());
    client.send(get("/pause") + get("/hello"));
    ASSERT_TRUE(eventually([&] { return server.handler->paused() == 1; }));
    auto drained = std::async([&] { return server.server->drain(seconds(20)); });
    EXPECT_TRUE(eventually([&] { return !can_connect(server.url()); }));
    server.handler->release();
    EXPECT_EQ(client.read_answer().field("Connection"), "close");
    EXPECT_TRUE(client.is_closed());
    client.close();
    EXPECT_TRUE(drained.get());
}

TEST(Drain, ARequestThatCameJustBeforeIsToldThatTheServerEnds) {
    ServerOptions options = test_options();
    options.threads = 1;
    TestServer server(options);
    TestClient client(server.url());
    TestClient blocker(server.url());
    EXPECT_EQ(client.ask(get("/hello")).status, 200u);
    blocker.send(get("/block"));
    ASSERT_TRUE(eventually([&] { return server.handler->blocked.load(); }));
    client.send(get("/hello"));  // the loop is held up, so it cannot see this yet
    auto drained = std::async([&] { return server.server->drain(seconds(20)); });
    std::this_thread::sleep_for(milliseconds(200));
    server.handler->release();
    EXPECT_EQ(blocker.read_answer().body, "blocked");
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 503u);
    EXPECT_EQ(answer.field("Connection"), "close");
    client.close();
    blocker.close();
    EXPECT_TRUE(drained.get());
}

TEST(Drain, WhatIsLeftAfterTheGraceIsCutOff) {
    TestServer server;
    TestClient down(server.url());
    TestClient up(server.url());
    down.send(get("/reader/4000000000"));
    up.send("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\nabc");
    ASSERT_FALSE(down.read_head().empty());
    ASSERT_TRUE(eventually([&] { return server.handler->largest_read == 3; }));
    EXPECT_FALSE(server.server->drain(milliseconds(100)));
    EXPECT_EQ(server.server->connections(), 0u);
    EXPECT_LT(down.read_to_end(), 4'000'000'000u);
    EXPECT_TRUE(up.is_closed());
}

TEST(Drain, TheDestructorWaitsForAHandlerThatAnotherThreadHolds) {
    auto server = std::make_unique<TestServer>();
    const auto handler = server->handler;
    TestClient client(server->url());
    client.send(get("/pause"));
    ASSERT_TRUE(eventually([&] { return handler->paused() == 1; }));
    std::thread releaser([&] {
        std::this_thread::sleep_for(milliseconds(50));
        handler->release();
    });
    server->server.reset();
    releaser.join();
    EXPECT_TRUE(client.is_closed());
}

TEST(Tick, RunsFromTimeToTimeAndNotAfterTheEnd) {
    std::atomic<int> ticks{0};
    auto server =
        Server::start(std::make_shared<TestHandler>(), test_options(), [&]() -> awaitable<void> {
            ++ticks;
            co_return;
        });
    EXPECT_TRUE(eventually([&] { return ticks >= 2; }));
    server.reset();
    const int at_end = ticks;
    std::this_thread::sleep_for(milliseconds(1200));
    EXPECT_EQ(ticks, at_end);
}

}  // namespace
}  // namespace pkgreg::test
