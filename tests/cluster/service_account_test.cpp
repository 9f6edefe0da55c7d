// The secret of a service account: what is taken, and that no refusal shows the key.
#include "cluster/service_account.hpp"

#include "pkgreg/error.hpp"

#include "base/json_text.hpp"
#include "cluster/rsa_key.hpp"
#include "cluster/secure_url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pkgreg::cluster {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string login = "https://master.mesos/acs/api/v1/auth/login";

std::string secret(const std::string& scheme, const std::string& uid, const std::string& key,
                   const std::string& endpoint) {
    return "{\"scheme\":" + json_string(scheme) + ",\"uid\":" + json_string(uid) +
           ",\"private_key\":" + json_string(key) + ",\"login_endpoint\":" + json_string(endpoint) +
           "}";
}

std::string refusal(const std::string& json) {
    try {
        parse_service_account(json, "the-secret");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        return error.message();
    }
    return "(accepted)";
}

TEST(ServiceAccount, is_read) {
    const ServiceAccount account =
        parse_service_account(secret("RS256", "registry", rsa_key(), login), "the-secret");
    EXPECT_EQ(account.uid, "registry");
    EXPECT_EQ(account.login_endpoint, login);
    EXPECT_EQ(account.key.algorithm(), jose::Algorithm::rs256);
}

TEST(ServiceAccount, may_hold_more_than_is_known) {
    std::string more = secret("RS256", "registry", rsa_key(), login);
    more.insert(1, "\"new\": {\"a\": [1]},");
    EXPECT_EQ(parse_service_account(more, "s").uid, "registry");
}

TEST(ServiceAccount, refusals_name_the_member_and_the_form) {
    EXPECT_THAT(refusal(secret("HS256", "a", rsa_key(), login)),
                AllOf(HasSubstr("the-secret"), HasSubstr("\"scheme\""), HasSubstr("RS256")));
    EXPECT_THAT(refusal(secret("RS256", "", rsa_key(), login)), HasSubstr("\"uid\""));
    EXPECT_THAT(refusal(secret("RS256", "a b", rsa_key(), login)), HasSubstr("\"uid\""));
    EXPECT_THAT(refusal(secret("RS256", std::string(257, 'a'), rsa_key(), login)),
                HasSubstr("\"uid\""));
    EXPECT_THAT(refusal(secret("RS256", "a", "nothing", login)), HasSubstr("\"private_key\""));
    EXPECT_THAT(refusal(secret("RS256", "a", jose::PrivateKey::generate_p256().pem(), login)),
                HasSubstr("no RSA key"));
    for (const char* const url : {"", "master.mesos", "http://master.mesos/login", "ftp://a/b",
                                  "https://", "https://user@master.mesos/", "https://a b/"}) {
        EXPECT_THAT(refusal(secret("RS256", "a", rsa_key(), url)), HasSubstr("\"login_endpoint\""))
            << url;
    }
    EXPECT_THAT(refusal("{\"scheme\":\"RS256\"}"), HasSubstr("\"uid\""));
    EXPECT_THAT(refusal("[]"), HasSubstr("no object"));
}

TEST(ServiceAccount, no_refusal_shows_the_key) {
    const std::string key = rsa_key();
    const std::string line = key.substr(key.find('\n') + 1, 40);
    const std::string quoted = json_string(key);
    for (const std::string& json :
         {key, quoted, "{" + quoted + ":1," + quoted + ":2}", secret(key, "a", key, login),
          secret("RS256", key, key, login), secret("RS256", "a", key, key),
          secret("RS256", "a", key + key.substr(0, 200), "x")}) {
        const std::string told = refusal(json);
        EXPECT_THAT(told, AllOf(Not(HasSubstr(line)), HasSubstr("the-secret"))) << told;
    }
}

TEST(SecureUrl, is_one_with_tls_or_of_this_machine) {
    EXPECT_TRUE(is_secure_url("https://master.mesos"));
    EXPECT_TRUE(is_secure_url("http://127.0.0.1:8080/x"));
    EXPECT_TRUE(is_secure_url("http://[::1]:8080"));
    EXPECT_FALSE(is_secure_url("http://127.0.0.1.example.com/"));
    EXPECT_FALSE(is_secure_url("http://localhost@example.com/"));
    EXPECT_FALSE(is_secure_url("http://example.com/@localhost"));
    EXPECT_FALSE(is_secure_url("HTTPS"));
}

}  // namespace
}  // namespace pkgreg::cluster
