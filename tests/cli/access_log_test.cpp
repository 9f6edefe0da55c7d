// Lines of the access log: one line each whatever a client sends, secrets masked, none lost.
#include "cli/access_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <chrono>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace pkgreg::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// 2026-01-31 12:00:00.007 UTC.
constexpr std::chrono::system_clock::time_point noon{std::chrono::milliseconds(1769860800007)};

AccessRecord record(std::string_view target) {
    AccessRecord record;
    record.client = "127.0.0.1:40000";
    record.request_id = "4f1c";
    record.method = "GET";
    record.target = target;
    record.user_agent = "curl/7.88.1";
    record.status = 200;
    record.bytes_in = 1;
    record.bytes_out = 23;
    record.duration = std::chrono::microseconds(4056);
    return record;
}

std::string line_of(const AccessRecord& record, LogFormat format) {
    std::string line;
    append_access_line(line, record, format, noon);
    return line;
}

TEST(AccessLine, text_has_all_fields_in_order) {
    EXPECT_EQ(line_of(record("/v2/"), LogFormat::text),
              "2026-01-31T12:00:00.007Z 127.0.0.1:40000 \"GET /v2/\" 200 1 23 4.056 4f1c\n");
}

TEST(AccessLine, json_has_all_fields) {
    EXPECT_EQ(line_of(record("/v2/"), LogFormat::json),
              R"({"ts":"2026-01-31T12:00:00.007Z","level":"info","msg":"request",)"
              R"("client":"127.0.0.1:40000","method":"GET","target":"/v2/","status":200,)"
              R"("bytes_in":1,"bytes_out":23,"duration_us":4056,"request_id":"4f1c",)"
              R"("user_agent":"curl/7.88.1","complete":true})"
              "\n");
}

TEST(AccessLine, a_broken_connection_is_told) {
    AccessRecord broken = record("/v2/");
    broken.complete = false;
    EXPECT_THAT(line_of(broken, LogFormat::text), EndsWith(" 4f1c incomplete\n"));
    EXPECT_THAT(line_of(broken, LogFormat::json), HasSubstr("\"complete\":false"));
}

TEST(AccessLine, what_is_unknown_is_a_dash) {
    AccessRecord bare;
    EXPECT_EQ(line_of(bare, LogFormat::text), "2026-01-31T12:00:00.007Z - \" \" 0 0 0 0.000 -\n");
}

TEST(AccessLine, text_stays_on_one_line_and_printable) {
    EXPECT_THAT(line_of(record("/a\r\n\x1b[2J\"\\\x7f\xc2\x9b"), LogFormat::text),
                HasSubstr(R"("GET /a\x0d\x0a\x1b[2J\"\\\x7f\xc2\x9b" 200)"));
}

TEST(AccessLine, json_is_valid_whatever_bytes_came) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    AccessRecord wild = record(bytes);
    wild.user_agent = bytes;
    wild.client = bytes;
    const std::string line = line_of(wild, LogFormat::json);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    simdjson::dom::parser parser;
    simdjson::dom::element parsed;
    ASSERT_EQ(parser.parse(line).get(parsed), simdjson::SUCCESS);
    EXPECT_EQ(parsed["msg"].get_string().value(), "request");
}

TEST(AccessLine, secrets_in_the_target_are_masked) {
    for (const LogFormat format : {LogFormat::text, LogFormat::json}) {
        const std::string line =
            line_of(record("/v2/a?access_token=hidden&n=1&X-Amz-Signature=hidden"), format);
        EXPECT_THAT(line, Not(HasSubstr("hidden")));
        EXPECT_THAT(line, HasSubstr("/v2/a?access_token=***&n=1&X-Amz-Signature=***"));
    }
}

/// What was written to the other end of a pipe, read until all writers are gone.
class Pipe {
 public:
    Pipe() { EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0); }
    ~Pipe() {
        close_writer();
        ::close(ends_[0]);
    }
    int writer() const { return ends_[1]; }
    void close_writer() {
        if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
    }
    std::string read_some() {
        std::string out(1 << 16, '\0');
        const ssize_t n = ::read(ends_[0], out.data(), out.size());
        out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return out;
    }
    std::string read_all() {
        std::string out;
        for (std::string part; !(part = read_some()).empty();) out += part;
        return out;
    }

 private:
    int ends_[2] = {-1, -1};
};

TEST(AccessLog, a_line_is_written_soon_without_more_requests) {
    Pipe pipe;
    AccessLog log(pipe.writer(), LogFormat::text);
    log.write(record("/v2/soon"));
    // Blocks until the log writes by itself; the test's time limit is the judge.
    EXPECT_THAT(pipe.read_some(), HasSubstr("\"GET /v2/soon\""));
}

TEST(AccessLog, lines_of_many_threads_are_whole_and_none_is_lost) {
    constexpr int threads = 4;
    constexpr int lines = 2000;
    Pipe pipe;
    std::string out;
    std::thread reader([&] { out = pipe.read_all(); });
    {
        AccessLog log(pipe.writer(), LogFormat::text);
        std::vector<std::thread> writers;
        for (int t = 0; t < threads; ++t) {
            writers.emplace_back([&] {
                for (int i = 0; i < lines; ++i) log.write(record("/v2/"));
            });
        }
        for (std::thread& writer : writers) writer.join();
    }
    pipe.close_writer();
    reader.join();
    int found = 0;
    for (std::size_t begin = 0; begin < out.size(); ++found) {
        const std::size_t end = out.find('\n', begin);
        ASSERT_NE(end, std::string::npos);
        const std::string line = out.substr(begin, end - begin);
        ASSERT_THAT(line, EndsWith("Z 127.0.0.1:40000 \"GET /v2/\" 200 1 23 4.056 4f1c"));
        begin = end + 1;
    }
    EXPECT_EQ(found, threads * lines);
}

TEST(AccessLog, a_reader_that_sleeps_stops_no_request_and_is_told_what_it_lost) {
    Pipe pipe;
    std::string out;
    std::thread reader;
    {
        AccessLog log(pipe.writer(), LogFormat::text);
        // Far more than pipe and log hold; with nobody reading, a write that waited would wait
        // for ever.
        for (int i = 0; i < 40000; ++i) log.write(record("/v2/"));
        reader = std::thread([&] { out = pipe.read_all(); });
    }
    pipe.close_writer();
    reader.join();
    EXPECT_THAT(out, StartsWith("20"));
    EXPECT_THAT(out, HasSubstr(" lines of the access log are lost\n"));
    EXPECT_LT(out.size(), std::size_t{4} << 20);
}

}  // namespace
}  // namespace pkgreg::cli
