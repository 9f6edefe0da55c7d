// How registries are told who asks: challenges and tokens.
#include "remote/registry_token.hpp"

#include "pkgreg/error.hpp"

#include "remote/auth_challenge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace pkgreg {
namespace {

using testing::HasSubstr;
using testing::Not;

AuthChallenge bearer(const std::string& parameters) {
    return parse_challenges("Bearer " + parameters).at(0);
}

std::string message_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.message();
    }
    return "nothing thrown";
}

TEST(Challenge, a_registry_that_wants_a_token_is_understood) {
    const auto challenges =
        parse_challenges(R"(Bearer realm="https://auth.example/token",service="registry.example",)"
                         R"(scope="repository:a/b:pull,push")");
    ASSERT_EQ(challenges.size(), 1);
    EXPECT_EQ(challenges[0].scheme, "bearer");
    EXPECT_EQ(challenges[0].get("realm"), "https://auth.example/token");
    EXPECT_EQ(challenges[0].get("service"), "registry.example");
    EXPECT_EQ(challenges[0].get("scope"), "repository:a/b:pull,push");
    EXPECT_EQ(challenges[0].get("error"), "");
}

TEST(Challenge, all_challenges_of_one_field_are_read) {
    const auto challenges = parse_challenges(
        "Negotiate abc==, BASIC Realm = plain , Custom, Bearer realm=\"a\\\"b\" ,service=x");
    ASSERT_EQ(challenges.size(), 4);
    EXPECT_EQ(challenges[0].scheme, "negotiate");
    EXPECT_EQ(challenges[1].scheme, "basic");
    EXPECT_EQ(challenges[1].get("realm"), "plain");
    EXPECT_EQ(challenges[2].scheme, "custom");
    EXPECT_EQ(challenges[3].get("realm"), "a\"b");
    EXPECT_EQ(challenges[3].get("service"), "x");
}

TEST(Challenge, what_breaks_the_grammar_ends_the_list) {
    EXPECT_TRUE(parse_challenges("").empty());
    EXPECT_TRUE(parse_challenges(" ,, ").empty());
    EXPECT_TRUE(parse_challenges("=x").empty());
    EXPECT_TRUE(parse_challenges("realm=\"x\"").empty());
    EXPECT_EQ(parse_challenges("Bearer realm=\"never ends").size(), 1);
    EXPECT_EQ(parse_challenges("Bearer realm=\"x\\").at(0).get("realm"), "");
    EXPECT_EQ(parse_challenges("Bearer realm=x \"y\"").at(0).get("realm"), "x");
}

TEST(Token, is_asked_for_without_credentials_where_there_are_none) {
    const auto request = token_request(
        bearer(R"(realm="https://auth.example/token",service="my registry",scope="a:b/c:pull")"),
        "unused", std::nullopt, false);
    EXPECT_EQ(request.url,
              "https://auth.example/token?service=my%20registry&scope=a%3Ab%2Fc%3Apull");
    EXPECT_TRUE(request.fields.empty());
    EXPECT_FALSE(request.body);
}

TEST(Token, is_asked_for_with_user_and_password) {
    const auto request = token_request(bearer(R"(realm="https://auth.example/t?x=1")"),
                                       "repository:a:pull", Credentials{"me", "secret"}, false);
    EXPECT_EQ(request.url,
              "https://auth.example/t?x=1&scope=repository%3Aa%3Apull&account=me&client_id=pkgreg");
    EXPECT_THAT(request.fields, testing::ElementsAre("Authorization: Basic bWU6c2VjcmV0"));
}

TEST(Token, is_asked_for_with_an_identity_token) {
    const auto request =
        token_request(bearer(R"(realm="https://auth.example/t",service=s)"), "repository:a:pull",
                      Credentials{"", "", "refresh&me"}, false);
    EXPECT_EQ(request.url, "https://auth.example/t");
    EXPECT_EQ(request.body,
              "grant_type=refresh_token&service=s&scope=repository%3Aa%3Apull&client_id=pkgreg&"
              "refresh_token=refresh%26me");
}

TEST(Token, credentials_are_not_sent_where_everyone_can_read_them) {
    const auto challenge = bearer(R"(realm="http://auth.example/t")");
    const Credentials credentials{"me", "secret"};
    const std::string message =
        message_of([&] { token_request(challenge, "s", credentials, false); });
    EXPECT_THAT(message, HasSubstr("not encrypted"));
    EXPECT_THAT(message, Not(HasSubstr("secret")));
    EXPECT_NO_THROW(token_request(challenge, "s", credentials, true));
    EXPECT_NO_THROW(token_request(challenge, "s", std::nullopt, false));
}

TEST(Token, comes_only_from_a_web_server) {
    for (const auto* realm : {"file:///etc/passwd", "", "auth.example", "ftp://a/b"}) {
        const auto challenge = bearer("realm=\"" + std::string(realm) + "\"");
        EXPECT_THAT(message_of([&] { token_request(challenge, "s", std::nullopt, true); }),
                    HasSubstr("is not the URL"));
    }
}

TEST(Token, is_read_under_both_of_its_names) {
    EXPECT_EQ(read_token(R"({"token":"abc"})"), "abc");
    EXPECT_EQ(read_token(R"({"access_token":"abc","token":""})"), "abc");
    EXPECT_EQ(read_token(R"({"token":"a\r\nX: y"})"), std::nullopt);
    EXPECT_EQ(read_token(R"({"token":1})"), std::nullopt);
    EXPECT_EQ(read_token("<html>"), std::nullopt);
}

}  // namespace
}  // namespace pkgreg
