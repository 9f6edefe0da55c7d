// What IAM and the secret store answer, as it is read.
#include "cluster/session.hpp"

#include "pkgreg/error.hpp"

#include "base/base64url.hpp"
#include "cluster/secret_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace pkgreg::cluster {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;
using ::testing::HasSubstr;
using ::testing::Not;

template <class Call>
ErrorCode code_of(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_THAT(std::string(error.message()), Not(HasSubstr("hidden")));
        return error.code();
    }
    return ErrorCode::ok;
}

TEST(LoginAnswer, has_a_token_that_fits_into_a_field) {
    EXPECT_EQ(parse_login_answer("{\"token\": \"a.b.c\", \"more\": 1}"), "a.b.c");
    for (const char* const body :
         {"", "{}", "[]", "{\"token\": \"\"}", "{\"token\": 1}", "{\"token\": \"hidden x\"}",
          "{\"token\": \"hidden\\r\\nX: y\"}", "{\"token\": \"hidden\", \"token\": \"b\"}"}) {
        EXPECT_EQ(code_of([&] { parse_login_answer(body); }), ErrorCode::unavailable) << body;
    }
    const std::string huge(20'000, 'a');
    EXPECT_EQ(code_of([&] { parse_login_answer("{\"token\":\"" + huge + "\"}"); }),
              ErrorCode::unavailable);
}

std::string token_with(const std::string& claims) {
    return "header." + to_base64url(claims) + ".signature";
}

TEST(EndOfToken, is_its_claim) {
    const auto end = end_of_token(token_with("{\"uid\":\"a\",\"exp\":1700000000}"));
    EXPECT_EQ(end, system_clock::time_point(seconds(1700000000)));
}

TEST(EndOfToken, is_not_known_of_what_is_no_token_or_says_nothing) {
    for (const std::string& token :
         {std::string(), std::string("a"), std::string("a.b"), std::string("a.!.c"), token_with(""),
          token_with("[]"), token_with("{}"), token_with("{\"exp\":\"1\"}"),
          token_with("{\"exp\":-1}"), token_with("{\"exp\":1e300}")}) {
        EXPECT_EQ(end_of_token(token), std::nullopt) << token;
    }
}

TEST(Reason, is_what_the_body_says_made_printable) {
    EXPECT_EQ(reason_in("{\"title\":\"Unauthorized\",\"description\":\"no\\u001b[1m\"}"),
              ": Unauthorized: no\\x1b[1m");
    EXPECT_EQ(reason_in("{\"errors\":[{\"message\":\"m\"}]}"), ": m");
    EXPECT_EQ(reason_in("{\"errors\":[1]}"), "");
    EXPECT_EQ(reason_in("<html>"), "");
    EXPECT_LT(reason_in("{\"title\":\"" + std::string(5000, 'x') + "\"}").size(), 600U);
}

HttpAnswer answer(const std::string& type, const std::string& body) {
    return {200, {{"Content-Type", type}}, body};
}

TEST(Secret, is_the_bytes_or_the_value_of_json) {
    EXPECT_EQ(secret_in(answer("application/octet-stream", "{\"value\":1}")), "{\"value\":1}");
    EXPECT_EQ(secret_in(answer("application/json", "{\"value\":\"a\\nb\"}")), "a\nb");
    EXPECT_EQ(secret_in(answer("application/json;charset=utf-8", "{\"value\":\"\"}")), "");
    for (const char* const body :
         {"hidden", "{\"hidden\":1,\"hidden\":2}", "{\"value\":7}", "[]"}) {
        EXPECT_EQ(code_of([&] { secret_in(answer("application/json", body)); }),
                  ErrorCode::unavailable)
            << body;
    }
}

}  // namespace
}  // namespace pkgreg::cluster
