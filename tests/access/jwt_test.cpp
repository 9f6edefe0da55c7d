// JSON Web Tokens: what is read out of them, and every malformed or untimely one refused by name.
#include "access/jwt.hpp"

#include "pkgreg/error.hpp"

#include "access/tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

namespace pkgreg::access {
namespace {

using testing::HasSubstr;

std::string refusal(const std::function<void()>& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::unauthorized) << error.message();
        return error.message();
    }
    return "taken";
}

std::string parse_refusal(const std::string& text) {
    return refusal([&] { Jwt::parse(text); });
}

std::string header_refusal(std::string_view header) {
    return parse_refusal(token_with_header(ec_key(), header, claims()));
}

std::string claims_refusal(std::string_view claims) {
    return parse_refusal(token(ec_key(), claims));
}

TEST(Jwt, ReadsEveryClaimThatCounts) {
    const std::string text = jose::sign(
        rsa_key(),
        R"({"iss":"i","sub":"s","uid":"u","aud":["a","b"],"exp":3000000000.5,"nbf":1,"iat":2,)"
        R"("jti":"x","other":{"a":[1]},"access":[{"type":"repository","name":"team/app",)"
        R"("actions":["pull","push"]}]})",
        "key");
    const Jwt token = Jwt::parse(text);
    EXPECT_EQ(token.algorithm, jose::Algorithm::rs256);
    EXPECT_EQ(token.key_id, "key");
    EXPECT_EQ(token.signature.size(), 256U);
    EXPECT_EQ(token.signed_text, text.substr(0, text.rfind('.')));
    EXPECT_EQ(token.claims.issuer, "i");
    EXPECT_EQ(token.claims.subject, "s");
    EXPECT_EQ(token.claims.uid, "u");
    EXPECT_EQ(token.claims.audience, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(token.claims.expires, 3000000000.5);
    EXPECT_EQ(token.claims.not_before, 1);
    EXPECT_EQ(token.claims.issued_at, 2);
    EXPECT_EQ(
        token.claims.access,
        (std::vector<Grant>{{ResourceKind::repository, "team/app", Action::pull | Action::push}}));
    EXPECT_EQ(token.claims.identity, std::nullopt);
}

TEST(Jwt, TakesNoOtherAlgorithm) {
    for (const std::string_view name :
         {"none", "None", "nOnE", "HS256", "RS384", "PS256", "ES384", "rs256", "", "EdDSA"}) {
        const std::string header = R"({"alg":")" + std::string(name) + R"(","typ":"JWT"})";
        EXPECT_THAT(header_refusal(header), HasSubstr("RS256 or ES256")) << name;
    }
    EXPECT_THAT(header_refusal(R"({"typ":"JWT"})"), HasSubstr("no alg"));
    EXPECT_THAT(header_refusal(R"({"alg":null})"), HasSubstr("alg is null"));
    EXPECT_THAT(header_refusal(R"({"alg":["ES256"]})"), HasSubstr("alg is an array"));
}

TEST(Jwt, RefusesHeadersWithMoreThanOneMeaning) {
    EXPECT_THAT(header_refusal(R"({"alg":"ES256","alg":"RS256"})"), HasSubstr("twice"));
    EXPECT_THAT(header_refusal(R"({"alg":"ES256","crit":["exp"],"exp":1})"), HasSubstr("crit"));
    EXPECT_THAT(header_refusal(R"({"alg":"ES256","kid":7})"), HasSubstr("kid is the number 7"));
    EXPECT_THAT(header_refusal(R"(["ES256"])"), HasSubstr("no object"));
    EXPECT_THAT(header_refusal(""), HasSubstr("malformed"));
    EXPECT_THAT(header_refusal(R"({"alg":"ES256"} {})"), HasSubstr("malformed"));
    EXPECT_THAT(header_refusal("{\"alg\":\"ES256\",\"x\":\"\xff\"}"), HasSubstr("UTF-8"));
}

TEST(Jwt, RefusesClaimsOfAnotherForm) {
    EXPECT_THAT(claims_refusal(R"({"exp":1,"exp":3000000000})"), HasSubstr("twice"));
    EXPECT_THAT(claims_refusal(R"({"exp":1,"ex\u0070":3000000000})"), HasSubstr("twice"));
    EXPECT_THAT(claims_refusal(R"({"exp":"3000000000"})"), HasSubstr("exp is a string"));
    EXPECT_THAT(claims_refusal(R"({"exp":-1})"), HasSubstr("exp is the number -1"));
    EXPECT_THAT(claims_refusal(R"({"nbf":true})"), HasSubstr("nbf is true"));
    EXPECT_THAT(claims_refusal(R"({"iat":null})"), HasSubstr("iat is null"));
    EXPECT_THAT(claims_refusal(R"({"exp":1e999})"), HasSubstr("malformed"));
    EXPECT_THAT(claims_refusal(R"({"aud":7})"), HasSubstr("aud"));
    EXPECT_THAT(claims_refusal(R"({"aud":["a",7]})"), HasSubstr("aud"));
    EXPECT_THAT(claims_refusal(R"({"iss":["a"]})"), HasSubstr("iss"));
    EXPECT_THAT(claims_refusal(R"({"sub":7})"), HasSubstr("sub"));
    EXPECT_THAT(claims_refusal(R"({"access":{}})"), HasSubstr("access"));
    EXPECT_THAT(claims_refusal(R"({"access":["pull"]})"), HasSubstr("access"));
    EXPECT_THAT(claims_refusal("[]"), HasSubstr("no object"));
    EXPECT_THAT(claims_refusal("{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}"),
                HasSubstr("levels"));
}

TEST(Jwt, RefusesOtherForms) {
    const std::string good = token(ec_key(), claims());
    EXPECT_EQ(parse_refusal(good), "taken");
    EXPECT_THAT(parse_refusal(""), HasSubstr("three parts"));
    EXPECT_THAT(parse_refusal("a.b"), HasSubstr("three parts"));
    EXPECT_THAT(parse_refusal(good + ".x"), HasSubstr("three parts"));
    EXPECT_THAT(parse_refusal("a.b.c.d.e"), HasSubstr("three parts"));  // encrypted
    EXPECT_THAT(parse_refusal(good + "="), HasSubstr("no signature"));
    EXPECT_THAT(parse_refusal(good + " "), HasSubstr("no signature"));
    EXPECT_THAT(parse_refusal(good.substr(0, good.rfind('.') + 1)), HasSubstr("no signature"));
    EXPECT_THAT(parse_refusal("=" + good), HasSubstr("not base64url"));
    EXPECT_THAT(parse_refusal(".." + good), HasSubstr("three parts"));
    EXPECT_THAT(parse_refusal("..x"), HasSubstr("malformed"));
    EXPECT_THAT(parse_refusal(std::string(max_token_size + 1, 'a')), HasSubstr("longer than"));
    EXPECT_THAT(
        parse_refusal(token(ec_key(), claims(",\"x\":\"" + std::string(20000, 'a') + "\""))),
        HasSubstr("longer than"));
}

TEST(Jwt, NeverRepeatsWhatItRefuses) {
    const std::string secret = "c2VjcmV0LXBhc3N3b3Jk";
    for (const std::string& text :
         {secret, secret + "." + secret + "." + secret, "." + secret + "."}) {
        EXPECT_THAT(parse_refusal(text), testing::Not(HasSubstr(secret)));
    }
}

TEST(Jwt, TakesTimesWithAMinuteOfLeeway) {
    const auto judged = [](std::optional<double> exp, std::optional<double> nbf,
                           std::optional<double> iat) {
        Claims claims;
        claims.expires = exp;
        claims.not_before = nbf;
        claims.issued_at = iat;
        return refusal([&] { check_times(claims, 1'000'000); });
    };
    EXPECT_EQ(judged(1'000'001, {}, {}), "taken");
    EXPECT_EQ(judged(1'000'000 - 59, {}, {}), "taken");
    EXPECT_THAT(judged(1'000'000 - 60, {}, {}), HasSubstr("expired"));
    EXPECT_THAT(judged(0, {}, {}), HasSubstr("expired"));
    EXPECT_THAT(judged({}, {}, {}), HasSubstr("never expires"));
    EXPECT_EQ(judged(1e300, {}, {}), "taken");
    EXPECT_EQ(judged(2e6, 1'000'060, {}), "taken");
    EXPECT_THAT(judged(2e6, 1'000'061, {}), HasSubstr("not valid yet"));
    EXPECT_EQ(judged(2e6, {}, 1'000'060), "taken");
    EXPECT_THAT(judged(2e6, {}, 1'000'061), HasSubstr("in the future"));
    Claims claims;
    claims.expires = 1'000'000.5;
    EXPECT_EQ(end_of(claims), 1'000'001 + clock_leeway);
}

TEST(Jwt, ChecksWhoItIsFromAndFor) {
    Claims claims;
    claims.issuer = "issuer";
    claims.audience = {"other", "pkgreg"};
    EXPECT_EQ(refusal([&] { check_parties(claims, "issuer", "pkgreg"); }), "taken");
    EXPECT_EQ(refusal([&] { check_parties(claims, "", "pkgreg"); }), "taken");
    EXPECT_THAT(refusal([&] { check_parties(claims, "Issuer", "pkgreg"); }), HasSubstr("issuer"));
    EXPECT_THAT(refusal([&] { check_parties(claims, "issuer", "pkgre"); }), HasSubstr("aud"));
    claims.audience = {};
    EXPECT_THAT(refusal([&] { check_parties(claims, "", "pkgreg"); }), HasSubstr("aud"));
}

TEST(Jwt, IsToldFromAPassword) {
    EXPECT_TRUE(looks_like_jwt(token(ec_key(), claims())));
    for (const std::string_view text : {"", "secret", "a.b.c", "eyJ", "eyJ.a", "eyJ.a.b.c"}) {
        EXPECT_FALSE(looks_like_jwt(text)) << text;
    }
}

}  // namespace
}  // namespace pkgreg::access
