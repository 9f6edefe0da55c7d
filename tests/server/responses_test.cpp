// What comes out: bodies of every kind, HEAD, slow readers, the access log.
#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace pkgreg::test {
namespace {

// Sanitizers keep what was freed.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_is_telling = false;
#else
constexpr bool memory_is_telling = true;
#endif

TEST(Responses, BodiesOfEveryKindAndSizeArriveWhole) {
    TestServer server;
    TestClient client(server.url());
    for (const std::string kind : {"memory", "shared", "file", "reader", "pipe"}) {
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{500}, std::size_t{65536},
              std::size_t{65537}, std::size_t{2} << 20, (std::size_t{9} << 20) + 1}) {
            const Answer answer = client.ask(get("/" + kind + "/" + std::to_string(size)));
            EXPECT_EQ(answer.status, 200u);
            EXPECT_TRUE(answer.body == pattern(size)) << kind << " " << size;
        }
    }
}

TEST(Responses, HaveADateAndALength) {
    TestServer server;
    const Answer answer = TestClient(server.url()).ask(get("/hello"));
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(answer.field("Content-Length"), "5");
    EXPECT_EQ(answer.field("Content-Type"), "text/plain");
    EXPECT_FALSE(answer.field("Connection"));
    const std::string date = answer.field("Date").value_or("");
    EXPECT_EQ(date.size(), 29u);
    EXPECT_TRUE(date.ends_with(" GMT"));
}

TEST(Responses, ToHeadHaveTheLengthAndNoBody) {
    TestServer server;
    TestClient client(server.url());
    for (const std::string target : {"/file/1000", "/memory/1000"}) {
        client.send("HEAD " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
        const Answer answer = client.read_answer(true);
        EXPECT_EQ(answer.status, 200u);
        EXPECT_EQ(answer.field("Content-Length"), "1000");
    }
    client.send("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(client.read_answer(true).status, 404u);
    EXPECT_EQ(client.ask(get("/hello")).body, "hello");
}

TEST(Responses, WithoutContentHaveNoLength) {
    TestServer server;
    TestClient client(server.url());
    for (const std::string path : {"/empty", "/same"}) {
        const Answer answer = client.ask(get(path));
        EXPECT_EQ(answer.status, path == "/empty" ? 204u : 304u);
        EXPECT_FALSE(answer.field("Content-Length"));
    }
    EXPECT_EQ(client.ask(get("/hello")).body, "hello");
}

TEST(Responses, ThatCannotBeReadToTheEndAreCutShort) {
    TestServer server;
    TestClient client(server.url());
    const Answer answer = client.ask(get("/short/1000000"));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.body.size(), 500'000u);
    EXPECT_TRUE(client.is_closed());
}

TEST(Responses, ThatCannotBeReadAtAllBecomeAnError) {
    TestServer server;
    TestClient client(server.url());
    EXPECT_EQ(client.ask(get("/unreadable")).status, 500u);
    EXPECT_EQ(client.ask(get("/throw")).status, 500u);
    EXPECT_EQ(client.ask(get("/hello")).body, "hello");
}

TEST(Responses, ASlowReaderCostsNoMemory) {
    TestServer server;
    TestClient client(server.url());
    const int small = 64 << 10;
    ::setsockopt(client.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    constexpr std::size_t size = std::size_t{64} << 20;
    for (const std::string kind : {"file", "reader"}) {
        client.send(get("/" + kind + "/" + std::to_string(size)));
        ASSERT_FALSE(client.read_head().empty());
        const std::size_t before = resident_memory();
        std::size_t read = 0;
        while (read < size) {
            const std::string piece = client.read(std::size_t{1} << 20);
            ASSERT_FALSE(piece.empty());
            read += piece.size();
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            if (memory_is_telling) {
                ASSERT_LT(resident_memory(), before + (std::size_t{32} << 20));
            }
        }
    }
}

TEST(Responses, LongTransfersDoNotKeepOthersWaiting) {
    ServerOptions options = test_options();
    options.threads = 1;
    TestServer server(options);
    TestClient bulk(server.url());
    bulk.send(get("/file/500000000"));
    std::thread reader([&] {
        EXPECT_EQ(bulk.read_answer(true).status, 200u);
        bulk.read(500'000'000);
    });
    TestClient other(server.url());
    for (int i = 0; i < 50; ++i) EXPECT_EQ(other.ask(get("/hello")).body, "hello");
    ::shutdown(bulk.fd(), SHUT_RDWR);
    reader.join();
}

struct Logged {
    std::string client;
    std::string id;
    std::string method;
    std::string target;
    std::string agent;
    unsigned status;
    std::uint64_t in;
    std::uint64_t out;
    bool complete;
};

class AccessLog : public testing::Test {
 public:
    AccessLog() {
        ServerOptions options = test_options();
        options.access_log = [this](const AccessRecord& record) {
            const std::lock_guard lock(mutex_);
            EXPECT_GT(record.duration.count(), 0);
            EXPECT_LT(record.duration, std::chrono::seconds(60));
            lines_.push_back({std::string(record.client), std::string(record.request_id),
                              std::string(record.method), std::string(record.target),
                              std::string(record.user_agent), record.status, record.bytes_in,
                              record.bytes_out, record.complete});
        };
        server_.emplace(options);
    }
    ~AccessLog() override { server_.reset(); }

    Logged line(std::size_t n) {
        EXPECT_TRUE(eventually([&] {
            const std::lock_guard lock(mutex_);
            return lines_.size() > n;
        }));
        const std::lock_guard lock(mutex_);
        return lines_.at(n);
    }
    const std::string& url() const { return server_->url(); }

 private:
    std::mutex mutex_;
    std::vector<Logged> lines_;
    std::optional<TestServer> server_;
};

TEST_F(AccessLog, TellsEachRequestWithExactBytes) {
    TestClient client(url());
    client.ask(
        "PUT /echo?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nUser-Agent: probe/1\r\n"
        "X-Request-Id: one\r\n\r\nhello");
    client.ask(put_chunked("/echo") + "5\r\nhello\r\n2\r\nab\r\n0\r\n\r\n");
    client.ask(get("/file/3000000"));
    client.ask("GET /hello HTTP/1.1\nHost: a\n\n");
    const Logged first = line(0);
    EXPECT_TRUE(first.client.starts_with("127.0.0.1:"));
    EXPECT_EQ(first.id, "one");
    EXPECT_EQ(first.method, "PUT");
    EXPECT_EQ(first.target, "/echo?a=b");
    EXPECT_EQ(first.agent, "probe/1");
    EXPECT_EQ(first.status, 404u);
    EXPECT_EQ(line(1).in, 7u);
    EXPECT_EQ(line(1).out, 7u);
    EXPECT_EQ(line(2).out, 3'000'000u);
    EXPECT_TRUE(line(2).complete);
    EXPECT_EQ(line(3).status, 400u);
}

TEST_F(AccessLog, SaysWhenTheClientWentBeforeTheEnd) {
    TestClient client(url());
    client.send(get("/file/50000000"));
    client.read(1000);
    client.reset();
    const Logged logged = line(0);
    EXPECT_FALSE(logged.complete);
    EXPECT_LT(logged.out, 50'000'000u);
}

}  // namespace
}  // namespace pkgreg::test
