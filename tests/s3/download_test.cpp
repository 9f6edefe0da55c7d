// Bodies that come as a stream: whole whatever happens to their connections, and bounded in memory.
#include "base/unique_fd.hpp"
#include "s3/bucket.hpp"
#include "s3/test_bucket.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;
constexpr std::uint64_t to_the_end = ~std::uint64_t{0};

const std::string& content() {
    static const std::string text = [] {
        std::string out(3'000'000, '\0');
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 31 >> 5);
        return out;
    }();
    return text;
}

/// A GetObject's answer as it is, with `Range: bytes=first-last` or without.
Reply object(const Received& request) {
    const std::string& all = content();
    const std::string range = request.header("range");
    const std::string etag = "ETag: \"e\"\r\n";
    if (range.empty()) return reply(200, all, etag);
    const std::size_t first = std::strtoull(range.c_str() + 6, nullptr, 10);
    const std::string last_text = range.substr(range.find('-') + 1);
    const std::size_t last =
        last_text.empty() ? all.size() - 1 : std::strtoull(last_text.c_str(), nullptr, 10);
    return reply(206, std::string_view(all).substr(first, last - first + 1),
                 etag + "Content-Range: bytes " + std::to_string(first) + "-" +
                     std::to_string(last) + "/" + std::to_string(all.size()) + "\r\n");
}

Reply cut(Reply reply, std::size_t bytes, Then then) {
    reply.text.resize(reply.text.find("\r\n\r\n") + 4 + bytes);
    reply.then = then;
    return reply;
}

TEST(Download, GivesAllBytesInOrderWhateverTheReaderTakes) {
    ScriptedServer server(object);
    const auto bucket = test_bucket(server);
    for (const std::size_t piece : {std::size_t{1'000}, std::size_t{300'000}, content().size()}) {
        const auto download = run_blocking(bucket->open("key", 0, to_the_end));
        ASSERT_TRUE(download);
        EXPECT_EQ(download->head().size, content().size());
        EXPECT_EQ(download->head().etag, "\"e\"");
        EXPECT_TRUE(read_all(*download, piece) == content()) << piece;
    }
}

TEST(Download, GoesOnAtTheByteWhereItStopped) {
    for (const Then how : {Then::close, Then::reset, Then::stall}) {
        ScriptedServer server([&](const Received& request) {
            Reply whole = object(request);
            return request.number < 4 ? cut(std::move(whole), 500'000, how) : whole;
        });
        const auto bucket = how == Then::stall ? impatient_bucket(server) : test_bucket(server);
        const auto download = run_blocking(bucket->open("key", 0, to_the_end));
        EXPECT_TRUE(read_all(*download) == content());
        const auto received = server.received();
        ASSERT_EQ(received.size(), 4U);
        EXPECT_EQ(received[0].header("range"), "");
        if (how != Then::reset) {
            // (A reset may overtake the last bytes.)
            EXPECT_EQ(received[1].header("range"), "bytes=500000-2999999");
            EXPECT_EQ(received[3].header("range"), "bytes=1500000-2999999");
        }
        EXPECT_EQ(received[3].header("if-match"), "\"e\"");
    }
}

TEST(Download, GoesOnAtTheByteWhereARangeStopped) {
    ScriptedServer server([&](const Received& request) {
        Reply whole = object(request);
        return request.number == 1 ? cut(std::move(whole), 10, Then::close) : whole;
    });
    const auto bucket = test_bucket(server);
    const auto download = run_blocking(bucket->open("key", 100, 199));
    EXPECT_EQ(read_all(*download), content().substr(100, 100));
    EXPECT_EQ(server.received()[1].header("range"), "bytes=110-199");
}

TEST(Download, OfAnObjectThatWasReplacedIsCorrupt) {
    ScriptedServer server([](const Received& request) {
        return request.number == 1 ? cut(object(request), 10, Then::close)
                                   : error_reply(412, "PreconditionFailed");
    });
    const auto bucket = test_bucket(server);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    EXPECT_EQ(error_of([&] { read_all(*download); }).code(), ErrorCode::corrupt);
}

TEST(Download, OfAnObjectThatWasRemovedIsNotFound) {
    ScriptedServer server([](const Received& request) {
        return request.number == 1 ? cut(object(request), 10, Then::close)
                                   : error_reply(404, "NoSuchKey");
    });
    const auto bucket = test_bucket(server);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    EXPECT_EQ(error_of([&] { read_all(*download); }).code(), ErrorCode::not_found);
}

TEST(Download, ThatNeverGoesOnIsGivenUp) {
    ScriptedServer server(
        [](const Received& request) { return cut(object(request), 0, Then::close); });
    const auto bucket = test_bucket(server);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    EXPECT_EQ(error_of([&] { read_all(*download); }).code(), ErrorCode::unavailable);
    EXPECT_EQ(server.requests(), 3);
}

TEST(Download, OfAnEmptyObjectIsEmpty) {
    ScriptedServer server([](const Received& request) {
        if (request.method == "HEAD" || request.header("range").empty()) {
            return reply(200, "", "ETag: \"e\"\r\n");
        }
        return error_reply(416, "InvalidRange");
    });
    const auto bucket = test_bucket(server);
    EXPECT_EQ(read_all(*run_blocking(bucket->open("key", 0, to_the_end))), "");
    EXPECT_EQ(read_all(*run_blocking(bucket->open("key", 0, 9))), "");
    const Error error = error_of([&] { run_blocking(bucket->open("key", 1, to_the_end)); });
    EXPECT_EQ(error.code(), ErrorCode::range_invalid);
}

TEST(Download, OfNoObjectIsNone) {
    ScriptedServer server([](const Received&) { return error_reply(404, "NoSuchKey"); });
    EXPECT_FALSE(run_blocking(test_bucket(server)->open("key", 0, to_the_end)));
    ScriptedServer other([](const Received&) { return error_reply(404, "NoSuchBucket"); });
    const Error error = error_of([&] { run_blocking(test_bucket(other)->open("key", 0, 9)); });
    EXPECT_EQ(error.code(), ErrorCode::not_found);
}

TEST(Download, ThatIsNotReadDoesNotFillTheMemory) {
    // The server's sends stop when nobody reads: they count what is on the way.
    constexpr std::size_t size = std::size_t{32} << 20;
    ScriptedServer server([](const Received&) { return large_reply(size); });
    S3StoreOptions options = test_options(server.url());
    options.stall_timeout = 1s;
    const auto bucket = Bucket::open(options);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    // A pause that the reader causes is no stall.
    std::this_thread::sleep_for(2s);
    EXPECT_LT(server.sent(), std::uint64_t{20} << 20);
    EXPECT_EQ(read_all(*download).size(), size);
    EXPECT_EQ(server.requests(), 1);
}

/// What `large_object` answers with: large enough to go past libcurl, also when it is taken up.
const std::string& large_content() {
    static const std::string text = [] {
        std::string out(std::size_t{32} << 20, '\0');
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>(i * 31 >> 5);
        return out;
    }();
    return text;
}

/// What a download gives, through a pipe where it can, as a server sends it. `spliced` is how much.
std::string splice_all(Download& download, std::size_t& spliced) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) throw std::runtime_error("no pipe");
    const UniqueFd from(ends[0]);
    const UniqueFd to(ends[1]);
    std::string all;
    std::string buffer(300'000, '\0');
    const std::span<std::byte> room = std::as_writable_bytes(std::span(buffer));
    spliced = 0;
    std::size_t n = run_blocking(download.read(room));
    while (n > 0) {
        all.append(buffer, 0, n);
        n = run_blocking(download.splice(to.get(), 100'000));
        spliced += n;
        if (n == 0) {
            n = run_blocking(download.read(room));
        } else if (::read(from.get(), buffer.data(), buffer.size()) != static_cast<ssize_t>(n)) {
            throw std::runtime_error("the pipe has another number of bytes");
        }
    }
    return all;
}

TEST(Download, GoesThroughAPipePastLibcurl) {
    ScriptedServer server([](const Received&) { return reply(200, large_content()); });
    const auto bucket = test_bucket(server);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    std::size_t spliced = 0;
    EXPECT_TRUE(splice_all(*download, spliced) == large_content());
    // What came before the first call is read.
    EXPECT_GT(spliced, large_content().size() / 2);
    EXPECT_EQ(server.requests(), 1);
    // Its connection ended with it, and nobody else's.
    EXPECT_EQ(run_blocking(bucket->get("key", large_content().size()))->size(),
              large_content().size());
    EXPECT_EQ(run_blocking(bucket->get("key", large_content().size()))->size(),
              large_content().size());
    EXPECT_EQ(server.connections(), 2);
}

TEST(Download, ThatIsSmallKeepsItsConnection) {
    ScriptedServer server(object);
    const auto bucket = test_bucket(server);
    for (int i = 0; i < 2; ++i) {
        const auto download = run_blocking(bucket->open("key", 0, to_the_end));
        std::size_t spliced = 0;
        EXPECT_TRUE(splice_all(*download, spliced) == content());
        EXPECT_EQ(spliced, 0U);
    }
    EXPECT_EQ(server.connections(), 1);
}

TEST(Download, ThroughAPipeGoesOnAtTheByteWhereItStopped) {
    for (const Then how : {Then::close, Then::stall}) {
        constexpr std::size_t there = 16'000'000;
        ScriptedServer server([&](const Received& request) {
            const std::string& all = large_content();
            if (request.number == 1) return cut(reply(200, all, "ETag: \"e\"\r\n"), there, how);
            const std::string range = std::to_string(there) + "-" + std::to_string(all.size() - 1);
            return reply(206, std::string_view(all).substr(there),
                         "ETag: \"e\"\r\nContent-Range: bytes " + range + "/" +
                             std::to_string(all.size()) + "\r\n");
        });
        const auto bucket = how == Then::stall ? impatient_bucket(server) : test_bucket(server);
        const auto download = run_blocking(bucket->open("key", 0, to_the_end));
        std::size_t spliced = 0;
        EXPECT_TRUE(splice_all(*download, spliced) == large_content());
        EXPECT_GT(spliced, there);
        const auto received = server.received();
        ASSERT_EQ(received.size(), 2U);
        EXPECT_EQ(received[1].header("range"), "bytes=16000000-33554431");
        EXPECT_EQ(received[1].header("if-match"), "\"e\"");
    }
}

TEST(Download, ThroughAPipeDoesNotStallWhileItIsNotTaken) {
    constexpr std::size_t size = std::size_t{64} << 20;
    ScriptedServer server([](const Received&) { return large_reply(size); });
    S3StoreOptions options = test_options(server.url());
    options.stall_timeout = 500ms;
    const auto bucket = Bucket::open(options);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    const UniqueFd from(ends[0]);
    const UniqueFd to(ends[1]);
    std::byte some[1000];
    std::size_t total = run_blocking(download->read(some));
    run_blocking(download->splice(to.get(), 1000));
    // From here on nobody takes anything: neither is that a stall, nor does it fill the memory.
    std::this_thread::sleep_for(2s);
    EXPECT_LT(server.sent(), std::uint64_t{40} << 20);
    std::size_t spliced = 0;
    total += splice_all(*download, spliced).size();
    EXPECT_EQ(total, size);
    EXPECT_GT(spliced, 0U);
    EXPECT_EQ(server.requests(), 1);
}

TEST(Download, EndsItsTransferWhenItIsDestroyed) {
    constexpr std::size_t size = std::size_t{16} << 20;
    ScriptedServer server([](const Received&) { return large_reply(size); });
    const auto bucket = test_bucket(server);
    std::byte some[100];
    auto download = run_blocking(bucket->open("key", 0, to_the_end));
    EXPECT_GT(run_blocking(download->read(some)), 0U);
    download.reset();
    EXPECT_EQ(run_blocking(bucket->get("key", size))->size(), size);
    EXPECT_EQ(server.connections(), 2);
}

TEST(Download, OutlivesItsBucket) {
    ScriptedServer server(object);
    auto bucket = test_bucket(server);
    const auto download = run_blocking(bucket->open("key", 0, to_the_end));
    bucket.reset();
    EXPECT_TRUE(read_all(*download) == content());
}

TEST(Download, WithoutALengthIsRefused) {
    // Taken for an empty object it would be served as one.
    ScriptedServer server([](const Received&) {
        return Reply{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"};
    });
    const auto bucket = test_bucket(server);
    EXPECT_EQ(error_of([&] { run_blocking(bucket->open("key", 0, to_the_end)); }).code(),
              ErrorCode::io);
    EXPECT_EQ(error_of([&] { run_blocking(bucket->head("key")); }).code(), ErrorCode::io);
}

TEST(Download, FromAServerThatIgnoresRangesIsRefused) {
    ScriptedServer server([](const Received&) { return reply(200, content()); });
    const Error error =
        error_of([&] { run_blocking(test_bucket(server)->open("key", 5, to_the_end)); });
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_TRUE(has(error, "ignores the range"));
}

}  // namespace
}  // namespace pkgreg::s3
