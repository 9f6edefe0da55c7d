#include "server/request_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>

namespace pkgreg {
namespace {

using Result = RequestParser::Result;

/// Parses a head that comes in two pieces.
std::tuple<Result, RequestHead, Refusal, std::size_t> parse_split(std::string& bytes,
                                                                  std::size_t split) {
    RequestParser parser(4096, 8);
    Result result = parser.parse(std::span(bytes).first(split));
    if (result == Result::incomplete) result = parser.parse(bytes);
    return {result, parser.head(), parser.refusal(), parser.size()};
}

unsigned status_of(std::string head, std::size_t max_bytes = 4096, std::size_t max_fields = 8) {
    RequestParser parser(max_bytes, max_fields);
    switch (parser.parse(head)) {
        case Result::complete: return 200;
        case Result::incomplete: return 100;
        case Result::refused: break;
    }
    return parser.refusal().status;
}

std::string target_of(std::string target) {
    std::string head = "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestParser parser(4096, 8);
    if (parser.parse(head) != Result::complete) return {};
    return std::string(parser.head().target);
}

TEST(RequestParser, ReadsTheSameHeadHoweverTheBytesComeInPieces) {
    const std::string whole =
        "\r\nPUT /v2/a/blobs/uploads/1?digest=x HTTP/1.1\r\nHost: a:5000\r\nContent-Length: 12\r\n"
        "X-Odd:\t two  words \t\r\nExpect: 100-Continue\r\nX-Request-Id: abc-1\r\n\r\nbody";
    for (std::size_t split = 0; split <= whole.size(); ++split) {
        std::string bytes = whole;
        const auto [result, head, refusal, size] = parse_split(bytes, split);
        ASSERT_EQ(result, Result::complete) << split;
        EXPECT_EQ(size, whole.size() - 4);
        EXPECT_EQ(head.method, HttpMethod::put);
        EXPECT_EQ(head.target, "/v2/a/blobs/uploads/1?digest=x");
        EXPECT_EQ(head.framing, BodyFraming::length);
        EXPECT_EQ(head.content_length, 12u);
        EXPECT_TRUE(head.expects_continue);
        EXPECT_EQ(head.request_id, "abc-1");
        ASSERT_EQ(head.fields.size(), 5u);
        EXPECT_EQ(head.fields[2].name, "X-Odd");
        EXPECT_EQ(head.fields[2].value, "two  words");
    }
}

TEST(RequestParser, RefusesTheSameHeadHoweverTheBytesComeInPieces) {
    const std::string whole =
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n";
    for (std::size_t split = 0; split <= whole.size(); ++split) {
        std::string bytes = whole;
        const auto [result, head, refusal, size] = parse_split(bytes, split);
        ASSERT_EQ(result, Result::refused) << split;
        EXPECT_EQ(refusal.status, 400u);
    }
}

TEST(RequestParser, TakesPathsAndUrlsAndTheAsterisk) {
    EXPECT_EQ(target_of("/a?b=c"), "/a?b=c");
    EXPECT_EQ(target_of("http://host:80/a?b"), "/a?b");
    EXPECT_EQ(target_of("HTTPS://[::1]:5000/a"), "/a");
    EXPECT_EQ(target_of("http://host"), "/");
    EXPECT_EQ(target_of("http://h?x=1"), "/?x=1");
    EXPECT_EQ(target_of("http:///a"), "");
    EXPECT_EQ(target_of("http://user@host/a"), "");
    EXPECT_EQ(target_of("ftp://host/a"), "");
    EXPECT_EQ(target_of("host:80"), "");
    EXPECT_EQ(target_of("*"), "");
    EXPECT_EQ(target_of("/a#b"), "");
    EXPECT_EQ(target_of("/caf\xc3\xa9"), "");
    EXPECT_EQ(status_of("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 200u);
    EXPECT_EQ(status_of("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"), 501u);
}

TEST(RequestParser, AnAbsoluteTargetWithoutAPathIsReadTheSameAfterARestart) {
    std::string head = "GET http://h?x HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestParser parser(4096, 8);
    ASSERT_EQ(parser.parse(std::span(head).first(30)), Result::incomplete);
    parser.restart();
    ASSERT_EQ(parser.parse(head), Result::complete);
    EXPECT_EQ(parser.head().target, "/?x");
}

TEST(RequestParser, KeepsAConnectionAsTheVersionAndTheFieldSay) {
    const auto keeps = [](std::string head) {
        RequestParser parser(4096, 8);
        EXPECT_EQ(parser.parse(head), Result::complete) << head;
        return parser.head().keep_alive;
    };
    EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: te , close\r\n\r\n"));
    EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n"));
    EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestParser, RefusesWhatDoesNotBeginLikeARequestAtTheFirstByte) {
    EXPECT_EQ(status_of("\x16\x03\x01"), 400u);
    EXPECT_EQ(status_of(std::string("\0", 1)), 400u);
    EXPECT_EQ(status_of(" "), 400u);
    EXPECT_EQ(status_of("G"), 100u);
    EXPECT_EQ(status_of("\r"), 100u);
    EXPECT_EQ(status_of(""), 100u);
}

TEST(RequestParser, BoundsLineFieldsAndTheirNumber) {
    const std::string line = "GET / HTTP/1.1\r\n";
    EXPECT_EQ(status_of("GET /" + std::string(5000, 'a')), 414u);
    EXPECT_EQ(status_of("GET /" + std::string(5000, 'a') + " HTTP/1.1\r\n"), 414u);
    EXPECT_EQ(status_of("GET /" + std::string(20000, 'a'), 1 << 20), 414u);
    EXPECT_EQ(status_of(line + "X: " + std::string(5000, 'a')), 431u);
    EXPECT_EQ(status_of(line + "X: " + std::string(5000, 'a') + "\r\n\r\n"), 431u);
    std::string many = line + "Host: a\r\n";
    for (int i = 0; i < 7; ++i) many += "X: y\r\n";
    EXPECT_EQ(status_of(many + "\r\n"), 200u);
    EXPECT_EQ(status_of(many + "X: y\r\n\r\n"), 431u);
    EXPECT_EQ(status_of(many + "X: y\r\n\r\n", 0, 0), 200u);
}

TEST(RequestParser, TakesARequestIdOnlyWhenItIsFitForALog) {
    const auto id_of = [](const std::string& id) {
        std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: " + id + "\r\n\r\n";
        RequestParser parser(4096, 8);
        EXPECT_EQ(parser.parse(head), Result::complete);
        return std::string(parser.head().request_id);
    };
    EXPECT_EQ(id_of("Az0._-"), "Az0._-");
    EXPECT_EQ(id_of(std::string(64, 'a')), std::string(64, 'a'));
    EXPECT_EQ(id_of(std::string(65, 'a')), "");
    EXPECT_EQ(id_of("a b"), "");
    EXPECT_EQ(id_of("\"a\""), "");
}

}  // namespace
}  // namespace pkgreg
