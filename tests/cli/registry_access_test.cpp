// The credentials of `docker login`, from its configuration and its helpers.
#include "pkgreg/error.hpp"

#include "cli/build/docker_credentials.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace pkgreg::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string message_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        return error.message();
    }
    return "nothing thrown";
}

// `{"auth": base64("me:secret")}`.
constexpr const char* config = R"({
  "auths": {
    "registry.example": {"auth": "bWU6c2VjcmV0"},
    "https://other.example:8443/v2/": {"username": "you", "password": "word"},
    "https://index.docker.io/v1/": {"identitytoken": "refresh"},
    "empty.example": {}
  },
  "credHelpers": {"helped.example": "some-helper", "https://url.example/v1/": "other"}
})";

TEST(DockerConfiguration, gives_the_credentials_of_a_registry) {
    EXPECT_EQ(find_credentials(config, "registry.example").credentials,
              (Credentials{"me", "secret"}));
    EXPECT_EQ(find_credentials(config, "other.example:8443").credentials,
              (Credentials{"you", "word"}));
    EXPECT_EQ(find_credentials(config, "docker.io").credentials, (Credentials{"", "", "refresh"}));
    for (const auto* none : {"empty.example", "example", "registry.example:443", "other.example"}) {
        EXPECT_EQ(find_credentials(config, none).credentials, std::nullopt) << none;
        EXPECT_EQ(find_credentials(config, none).helper, "") << none;
    }
}

TEST(DockerConfiguration, names_the_helper_to_ask) {
    EXPECT_EQ(find_credentials(config, "helped.example").helper, "some-helper");
    EXPECT_EQ(find_credentials(config, "helped.example").server, "helped.example");
    EXPECT_EQ(find_credentials(config, "url.example").helper, "other");
    const auto* store = R"({"credsStore": "desktop", "auths": {"docker.io": {"auth": "YTpi"}}})";
    EXPECT_EQ(find_credentials(store, "a.example").helper, "desktop");
    EXPECT_EQ(find_credentials(store, "docker.io").server, "https://index.docker.io/v1/");
    EXPECT_EQ(find_credentials(store, "docker.io").credentials, (Credentials{"a", "b"}));
}

TEST(DockerConfiguration, that_is_broken_is_refused_without_its_content) {
    for (const auto* text : {"", "[]", "{\"auths\": {\"a\": {\"auth\": \"c2VjcmV0\"",
                             R"({"auths":{"a.example":{"auth":"c2VjcmV0"}}})",
                             R"({"auths":{"a.example":{"auth":"!!!"}}})"}) {
        const std::string message = message_of([&] { find_credentials(text, "a.example"); });
        EXPECT_NE(message, "nothing thrown") << text;
        EXPECT_THAT(message, Not(HasSubstr("c2VjcmV0")));
        EXPECT_THAT(message, Not(HasSubstr("secret")));
    }
}

TEST(CredentialHelper, gives_a_password_or_an_identity_token) {
    EXPECT_EQ(read_helper_answer(R"({"ServerURL":"x","Username":"me","Secret":"s"})"),
              (Credentials{"me", "s"}));
    EXPECT_EQ(read_helper_answer(R"({"ServerURL":"x","Username":"<token>","Secret":"s"})"),
              (Credentials{"", "", "s"}));
    EXPECT_THAT(message_of([] { read_helper_answer("secret"); }), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace pkgreg::cli
