// Bytes that no server may read in two ways: each gets the right status, the connection ends,
// nothing behind them is taken for a request, and the next connection works.
#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pkgreg::test {
namespace {

struct Case {
    std::string name;
    std::string bytes;
    unsigned status;
};

std::string with(const std::string& fields, const std::string& body = {}) {
    return "PUT /echo HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) {
    return with("Transfer-Encoding: chunked\r\n", body);
}

std::vector<Case> cases() {
    using namespace std::string_literals;
    return {
        {"BareLineFeed", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
        {"BareLineFeedInFields", "GET /hello HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
        {"BareCarriageReturnInValue", with("X: a\rb\r\n"), 400},
        {"FoldedField", with("X: a\r\n b\r\n"), 400},
        {"BlankBeforeColon", with("Content-Length : 3\r\n", "abc"), 400},
        {"NoColon", with("Nonsense\r\n"), 400},
        {"EmptyName", with(": a\r\n"), 400},
        {"ControlInName", with("X\x01: a\r\n"), 400},
        {"ControlInValue", with("X: a\x01\r\n"), 400},
        {"NulInValue", with("X: a\0b\r\n"s), 400},
        {"DeleteInValue", with("X: a\x7f\r\n"), 400},
        {"NoHost", "GET /hello HTTP/1.1\r\n\r\n", 400},
        {"TwoHosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"HostWithPath", "GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"LengthTwice", with("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400},
        {"LengthsThatDiffer", with("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), 400},
        {"LengthList", with("Content-Length: 3, 3\r\n", "abc"), 400},
        {"LengthWithSign", with("Content-Length: +3\r\n", "abc"), 400},
        {"LengthNegative", with("Content-Length: -3\r\n", "abc"), 400},
        {"LengthHex", with("Content-Length: 0x3\r\n", "abc"), 400},
        {"LengthEmpty", with("Content-Length:\r\n"), 400},
        {"LengthTooLarge", with("Content-Length: 18446744073709551616\r\n", "abc"), 400},
        {"LengthAndCoding", with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "abc"),
         400},
        {"CodingAndLength", with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "abc"),
         400},
        {"CodingTwice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"CodingListed", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
        {"CodingRepeated", with("Transfer-Encoding: chunked, chunked\r\n"), 501},
        {"CodingIdentity", with("Transfer-Encoding: identity\r\n"), 501},
        {"CodingMisspelt", with("Transfer-Encoding: xchunked\r\n"), 501},
        {"CodingQuoted", with("Transfer-Encoding: \"chunked\"\r\n"), 501},
        {"CodingWithVerticalTab",
         with("Transfer-Encoding: \x0b"
              "chunked\r\n"),
         400},
        {"CodingInHttp10", "PUT /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"ChunkWithBareLineFeed", chunked("3\nabc\r\n0\r\n\r\n"), 400},
        {"ChunkSizeNotHex", chunked("z\r\nabc\r\n0\r\n\r\n"), 400},
        {"ChunkSizeTooLarge", chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), 400},
        {"ChunkSizeWithPrefix", chunked("0x3\r\nabc\r\n0\r\n\r\n"), 400},
        {"ChunkLongerThanItsSize", chunked("3\r\nabcd\r\n0\r\n\r\n"), 400},
        {"ChunkExtensionsForEver", chunked("3;" + std::string(40000, 'a')), 400},
        {"TrailersForEver", chunked("0\r\nA: " + std::string(40000, 'a')), 400},
        {"NoTarget", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TwoSpaces", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"SpaceInTarget", "GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"NoVersion", "GET /hello\r\nHost: a\r\n\r\n", 400},
        {"LowerCaseVersion", "GET /hello http/1.1\r\nHost: a\r\n\r\n", 400},
        {"LeadingBlanks", " GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TwoEmptyLinesFirst", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"Http12", "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        {"TlsHello", "\x16\x03\x01\x02\x00\x01"s, 400},
        {"TargetIsHost", "GET a.example:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"TargetOfOtherScheme", "GET file:///etc HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"UnknownExpectation", with("Expect: miracles\r\nContent-Length: 3\r\n"), 417},
        {"LongRequestLine", "GET /" + std::string(40000, 'a') + " HTTP/1.1\r\n", 414},
        {"LargeField", with("X: " + std::string(40000, 'a') + "\r\n"), 431},
        {"LargeFields",
         [] {
             std::string fields;
             for (int i = 0; i < 90; ++i) fields += "X: " + std::string(500, 'a') + "\r\n";
             return with(fields);
         }(),
         431},
        {"ManyFields",
         [] {
             std::string fields;
             for (int i = 0; i < 200; ++i) fields += "X: y\r\n";
             return with(fields);
         }(),
         431},
    };
}

class Malformed : public testing::TestWithParam<Case> {
 public:
    static void SetUpTestSuite() { server = std::make_unique<TestServer>(); }
    static void TearDownTestSuite() { server.reset(); }
    static std::unique_ptr<TestServer> server;
};
std::unique_ptr<TestServer> Malformed::server;

TEST_P(Malformed, IsRefusedAndTheConnectionEnds) {
    TestClient client(server->url());
    client.send(GetParam().bytes);
    client.send(get("/hello"));  // smuggled: must never be answered
    const Answer answer = client.read_answer();
    EXPECT_EQ(answer.status, GetParam().status);
    EXPECT_EQ(answer.field("Connection"), "close");
    EXPECT_TRUE(answer.field("X-Request-Id"));
    EXPECT_EQ(client.read_answer().status, 0u);
    EXPECT_TRUE(client.is_closed());
    EXPECT_EQ(TestClient(server->url()).ask(get("/hello")).body, "hello");
}

INSTANTIATE_TEST_SUITE_P(Requests, Malformed, testing::ValuesIn(cases()),
                         [](const auto& malformed) { return malformed.param.name; });

TEST(MalformedAnswer, HasTheErrorFormOfTheSpecification) {
    TestServer server;
    const Answer answer = TestClient(server.url()).ask("GET /hello HTTP/1.1\r\n\r\n");
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_EQ(
        answer.body,
        R"({"errors":[{"code":"MALFORMED","message":"the request has not exactly one field Host"}]})");
}

}  // namespace
}  // namespace pkgreg::test
