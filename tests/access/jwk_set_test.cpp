// JWK sets: which keys are taken, which are left out, which make the set useless.
#include "access/jwk_set.hpp"

#include "pkgreg/error.hpp"

#include "access/tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pkgreg::access {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& json) {
    try {
        JwkSet::parse(json, "keys.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options) << error.message();
        EXPECT_THAT(error.message(), HasSubstr("keys.json:"));
        return error.message();
    }
    return "taken";
}

std::string with(const std::string& jwk) {
    return "{\"keys\":[" + ec_key().public_key().jwk() + "," + jwk + "]}";
}

/// The JWK of a key, with one text in it replaced.
std::string changed(const jose::PrivateKey& key, const std::string& from, const std::string& to) {
    std::string jwk = key.public_key().jwk();
    jwk.replace(jwk.find(from), from.size(), to);
    return jwk;
}

TEST(JwkSet, FindsKeysByAlgorithmAndName) {
    const JwkSet set = JwkSet::parse(jwk_set({rsa_key(), ec_key()}), "keys");
    EXPECT_EQ(set.size(), 2U);
    const std::string rsa_id = rsa_key().public_key().thumbprint();
    EXPECT_EQ(set.find(jose::Algorithm::rs256, rsa_id).size(), 1U);
    EXPECT_EQ(set.find(jose::Algorithm::es256, rsa_id).size(), 0U);
    EXPECT_EQ(set.find(jose::Algorithm::es256, "").size(), 1U);
    EXPECT_EQ(set.find(jose::Algorithm::rs256, "unknown").size(), 0U);
    EXPECT_TRUE(set.find(jose::Algorithm::rs256, "")[0]->verifies("a", rsa_key().signature("a")));
}

TEST(JwkSet, TakesOneKeyAlone) {
    EXPECT_EQ(JwkSet::parse(rsa_key().public_key().jwk(), "keys").size(), 1U);
}

TEST(JwkSet, LeavesOutWhatSignsNoTokenOfOurs) {
    for (const std::string& jwk : {
             std::string(R"({"kty":"oct","k":"c2VjcmV0","alg":"HS256"})"),
             std::string(R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"),
             std::string(R"({"kty":"EC","crv":"P-384","x":"AA","y":"AA"})"),
             std::string(R"({"kty":"new"})"),
             std::string("{}"),
             changed(rsa_key(), R"("use":"sig")", R"("use":"enc")"),
             changed(rsa_key(), R"("alg":"RS256")", R"("alg":"RS512")"),
             changed(rsa_key(), R"("use":"sig")", R"("key_ops":["sign"])"),
         }) {
        EXPECT_EQ(JwkSet::parse(with(jwk), "keys").size(), 1U) << jwk;
    }
    const std::string verifying = changed(rsa_key(), R"("use":"sig")", R"("key_ops":["verify"])");
    EXPECT_EQ(JwkSet::parse(with(verifying), "keys").size(), 2U);
}

TEST(JwkSet, NamesBrokenKeys) {
    EXPECT_THAT(refusal(with(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})")), HasSubstr("bits"));
    EXPECT_THAT(refusal(with(R"({"kty":"RSA","e":"AQAB"})")), HasSubstr("n must be"));
    EXPECT_THAT(refusal(with(R"({"kty":"RSA","n":"A=","e":"AQAB"})")), HasSubstr("n must be"));
    EXPECT_THAT(refusal(with(R"({"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"})")),
                HasSubstr("32 bytes"));
    EXPECT_THAT(refusal(with("7")), HasSubstr("a key must be an object"));
}

TEST(JwkSet, RefusesWhatIsNoSet) {
    EXPECT_THAT(refusal("{}"), HasSubstr("\"keys\""));
    EXPECT_THAT(refusal(R"({"keys":{}})"), HasSubstr("\"keys\""));
    EXPECT_THAT(refusal("[]"), HasSubstr("\"keys\""));
    EXPECT_THAT(refusal(R"({"keys":[]})"), HasSubstr("no key"));
    EXPECT_THAT(refusal(R"({"keys":[{"kty":"oct","k":"AA"}]})"), HasSubstr("no key"));
    EXPECT_THAT(refusal("<html>"), HasSubstr("keys.json:1"));
    std::string many = "{\"keys\":[{}";
    for (std::size_t i = 0; i < max_keys; ++i) many += ",{}";
    EXPECT_THAT(refusal(many + "]}"), HasSubstr("more than"));
}

}  // namespace
}  // namespace pkgreg::access
