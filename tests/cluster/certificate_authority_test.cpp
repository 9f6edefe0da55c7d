// The authority's answers, as they are read.
#include "cluster/certificate_authority.hpp"

#include "pkgreg/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pkgreg::cluster {
namespace {

using ::testing::HasSubstr;

std::string not_an_answer(std::string_view body) {
    try {
        parse_ca_answer(body);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::unavailable);
        return error.message();
    }
    return "(accepted)";
}

TEST(CaAnswer, has_a_certificate) {
    const CaAnswer answer = parse_ca_answer(
        R"({"success":true,"result":{"certificate":"PEM","usages":[]},"errors":[],"messages":[]})");
    EXPECT_EQ(answer.certificate, "PEM");
    EXPECT_EQ(answer.refusal, "");
}

TEST(CaAnswer, says_why_it_refuses) {
    const CaAnswer answer = parse_ca_answer(
        R"({"success":false,"result":null,"errors":[{"code":5200,"message":"no \u0007"},
            {"message":"and no"}, 7]})");
    EXPECT_EQ(answer.certificate, "");
    EXPECT_EQ(answer.refusal, "no \\x07 (5200); and no");
    EXPECT_EQ(parse_ca_answer(R"({"success":false})").refusal, "");
}

TEST(CaAnswer, with_a_refusal_has_no_certificate) {
    EXPECT_EQ(parse_ca_answer(R"({"success":false,"result":{"certificate":"PEM"}})").certificate,
              "");
}

TEST(CaAnswer, is_nothing_else) {
    for (const char* const body : {"", "[]", "null", "<html>", "{}", R"({"success":1})"}) {
        EXPECT_THAT(not_an_answer(body), HasSubstr("CFSSL")) << body;
    }
    for (const char* const body : {R"({"success":true})", R"({"success":true,"result":"PEM"})",
                                   R"({"success":true,"result":{"certificate":7}})",
                                   R"({"success":true,"result":{"certificate":""}})"}) {
        EXPECT_THAT(not_an_answer(body), HasSubstr("\"certificate\"")) << body;
    }
    EXPECT_THAT(not_an_answer(R"({"success":true,"success":true})"), HasSubstr("JSON"));
}

}  // namespace
}  // namespace pkgreg::cluster
