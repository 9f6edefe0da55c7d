// What goes in: keep-alive, pipelining, bodies of both framings, 100-continue.
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

std::string as_chunks(std::string_view body, std::size_t size) {
    std::string text;
    while (!body.empty()) {
        const std::string_view piece = body.substr(0, size);
        char line[32];
        std::snprintf(line, sizeof line, "%zx\r\n", piece.size());
        text.append(line).append(piece).append("\r\n");
        body.remove_prefix(piece.size());
    }
    return text + "0\r\n\r\n";
}

TEST(Requests, OneConnectionServesManyRequests) {
    TestServer server;
    TestClient client(server.url());
    for (int i = 0; i < 50; ++i) EXPECT_EQ(client.ask(get("/hello")).body, "hello");
    EXPECT_EQ(client.ask(put("/echo", "abc")).body, "abc");
    EXPECT_EQ(server.server->connections(), 1u);
}

TEST(Requests, AHundredPipelinedRequestsAreAnsweredInOrder) {
    TestServer server;
    TestClient client(server.url());
    std::string all;
    for (int i = 0; i < 100; ++i) {
        all += put("/echo", "number " + std::to_string(i));
        all += put_chunked("/echo") + as_chunks("chunk " + std::to_string(i), 3);
    }
    std::thread sender([&] { client.send(all); });
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(client.read_answer().body, "number " + std::to_string(i));
        EXPECT_EQ(client.read_answer().body, "chunk " + std::to_string(i));
    }
    sender.join();
}

TEST(Requests, TheHandlerSeesMethodTargetClientAndId) {
    TestServer server;
    TestClient client(server.url());
    const std::string body =
        client.ask("DELETE /about HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n").body;
    EXPECT_EQ(body.substr(0, body.find("127.0.0.1:")),
              std::to_string(static_cast<int>(HttpMethod::delete_)) + "\n/about\n");
    EXPECT_TRUE(body.ends_with("\nmine"));
    const std::string first = client.ask(get("/about")).body;
    const std::string second = client.ask(get("/about")).body;
    EXPECT_NE(first, second);  // ids are made where the client sends none
}

TEST(Requests, ARequestIdIsReturnedOnlyWhereItIsOfUse) {
    TestServer server;
    TestClient client(server.url());
    EXPECT_EQ(client.ask("GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n")
                  .field("X-Request-Id"),
              "mine");
    EXPECT_FALSE(client.ask(get("/hello")).field("X-Request-Id"));
    EXPECT_TRUE(client.ask(get("/nothing")).field("X-Request-Id"));
}

TEST(Requests, UnknownMethodsReachTheHandler) {
    TestServer server;
    TestClient client(server.url());
    EXPECT_TRUE(client.ask("BREW /about HTTP/1.1\r\nHost: a\r\n\r\n")
                    .body.starts_with(std::to_string(static_cast<int>(HttpMethod::other)) + "\n"));
}

TEST(Requests, AbsoluteAndAsteriskTargetsAreTaken) {
    TestServer server;
    TestClient client(server.url());
    EXPECT_EQ(client.ask("GET http://other:1/hello HTTP/1.1\r\nHost: a\r\n\r\n").body, "hello");
    EXPECT_EQ(client.ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status, 404u);
    EXPECT_EQ(client.ask(get("/hello")).body, "hello");
}

TEST(Requests, Http10IsServedAndKeptOnlyWhenAsked) {
    TestServer server;
    TestClient kept(server.url());
    const Answer answer = kept.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.field("Connection"), "keep-alive");
    EXPECT_EQ(kept.ask("GET /hello HTTP/1.0\r\n\r\n").field("Connection"), "close");
    EXPECT_TRUE(kept.is_closed());
}

TEST(Requests, ConnectionCloseIsHonoured) {
    TestServer server;
    TestClient client(server.url());
    const Answer answer = client.ask("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.is_closed());
}

TEST(Requests, AHeadLargerThanABlockIsRead) {
    TestServer server;
    TestClient client(server.url());
    std::string head = "PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n";
    for (int i = 0; i < 20; ++i) head += "X: " + std::string(1000, 'a') + "\r\n";
    const std::string bytes = head + "\r\nhello";
    EXPECT_EQ(client.ask(bytes).body, "hello");
    EXPECT_EQ(client.ask(bytes + bytes).body, "hello");
    EXPECT_EQ(client.read_answer().body, "hello");
}

TEST(Requests, AHeadThatComesByteByByteIsRead) {
    TestServer server;
    TestClient client(server.url());
    for (const char c : put("/echo", "abc")) client.send(std::string_view(&c, 1));
    EXPECT_EQ(client.read_answer().body, "abc");
}

TEST(Requests, AChunkedBodyIsTheSameWhereverItsBytesAreSplit) {
    TestServer server;
    TestClient client(server.url());
    const std::string bytes =
        put_chunked("/echo") + "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n";
    for (std::size_t split = 1; split < bytes.size(); ++split) {
        client.send(std::string_view(bytes).substr(0, split));
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        client.send(std::string_view(bytes).substr(split));
        ASSERT_EQ(client.read_answer().body, "hello world") << split;
    }
}

TEST(Requests, LargeBodiesOfBothFramingsArriveWhole) {
    TestServer server;
    TestClient client(server.url());
    const std::string body = pattern(3'000'001);
    std::thread sender([&] {
        client.send(put("/echo", body));
        client.send(put_chunked("/echo") + as_chunks(body, 32768) + get("/hello"));
        client.send(put_chunked("/wait") + as_chunks(body, 100'000));
        client.send(put("/wait", body));
    });
    EXPECT_TRUE(client.read_answer().body == body);
    EXPECT_TRUE(client.read_answer().body == body);
    EXPECT_EQ(client.read_answer().body, "hello");
    EXPECT_EQ(client.read_answer().body, std::to_string(body.size()));
    EXPECT_EQ(client.read_answer().body, std::to_string(body.size()));
    sender.join();
    EXPECT_GT(server.handler->largest_read, std::size_t{64} << 10);
}

TEST(Requests, ABodyThatEndsEarlyIsTruncatedForTheHandler) {
    TestServer server;
    for (const std::string& bytes :
         {std::string("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"),
          put_chunked("/echo") + "5\r\nhel", put_chunked("/echo") + "5\r\nhello\r\n0\r\n"}) {
        TestClient client(server.url());
        client.send(bytes);
        client.finish_sending();
        const Answer answer = client.read_answer();
        EXPECT_EQ(answer.status, 400u);
        EXPECT_EQ(answer.body, "TRUNCATED");
        EXPECT_EQ(answer.field("Connection"), "close");
        EXPECT_TRUE(client.is_closed());
    }
}

TEST(Requests, ContinueIsSentWhenTheHandlerReads) {
    TestServer server;
    TestClient client(server.url());
    for (const std::string path : {"/echo", "/wait"}) {
        client.send("PUT " + path +
                    " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        EXPECT_EQ(client.read_head(), "HTTP/1.1 100 Continue\r\n\r\n");
        client.send("abc");
        EXPECT_EQ(client.read_answer().body, path == "/echo" ? "abc" : "3");
    }
}

TEST(Requests, NoContinueIsSentWhenTheHandlerAnswersWithoutReading) {
    TestServer server;
    TestClient client(server.url());
    client.send(
        "PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, 403u);
    // Nobody can tell whether the body would come now.
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(client.is_closed());
}

TEST(Requests, NoContinueIsSentWhenTheBodyIsThereAlready) {
    TestServer server;
    TestClient client(server.url());
    EXPECT_EQ(client
                  .ask("PUT /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                       "Expect: 100-continue\r\n\r\nabc")
                  .body,
              "abc");
}

TEST(Requests, ASmallBodyThatTheHandlerIgnoresDoesNotCostTheConnection) {
    TestServer server;
    TestClient client(server.url());
    EXPECT_EQ(client.ask(put("/ignore", "abc")).status, 403u);
    client.send("PUT /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 403u);
    client.send("late!");  // comes only after the answer
    EXPECT_EQ(client.ask(put_chunked("/ignore") + as_chunks("abcdef", 2)).status, 403u);
    EXPECT_EQ(client.ask(get("/hello")).body, "hello");
}

TEST(Requests, ALargeBodyThatTheHandlerIgnoresLeavesTheAnswerReadable) {
    TestServer server;
    for (const std::string path : {"/ignore", "/first"}) {
        TestClient client(server.url());
        const std::string body = pattern(8'000'000);
        std::thread sender([&] { client.send(put(path, body)); });
        const Answer answer = client.read_answer();
        EXPECT_EQ(answer.status, 403u);
        EXPECT_EQ(answer.field("Connection"), "close");
        sender.join();
        client.finish_sending();
        EXPECT_TRUE(client.is_closed());
    }
}

TEST(Requests, ASlowHandlerHoldsTheSenderBack) {
    TestServer server;
    TestClient client(server.url());
    const int small = 64 << 10;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    const std::string body = pattern(std::size_t{48} << 20);
    std::atomic<std::uint64_t> sent{0};
    std::thread sender([&] {
        client.send("PUT /slow HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n");
        for (std::size_t at = 0; at < body.size(); at += 65536) {
            client.send(std::string_view(body).substr(at, 65536));
            sent = at;
            const std::uint64_t taken = server.handler->slow_bytes;
            // The system's buffers may run ahead, the server itself must not.
            EXPECT_LT(at > taken ? at - taken : 0, std::uint64_t{24} << 20);
        }
    });
    EXPECT_EQ(client.read_answer().body, std::to_string(body.size()));
    sender.join();
}

}  // namespace
}  // namespace pkgreg::test
