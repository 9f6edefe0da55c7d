// Responses that every protocol gives: statuses of errors, entity tags and ranges.
#include "protocol/responses.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pkgreg {
namespace {

TEST(HttpStatus, IsTheSpecifiedOneForEachCode) {
    const std::pair<ErrorCode, unsigned> table[] = {{ErrorCode::blob_unknown, 404},
                                                    {ErrorCode::blob_upload_invalid, 400},
                                                    {ErrorCode::blob_upload_unknown, 404},
                                                    {ErrorCode::digest_invalid, 400},
                                                    {ErrorCode::manifest_invalid, 400},
                                                    {ErrorCode::manifest_unknown, 404},
                                                    {ErrorCode::name_invalid, 400},
                                                    {ErrorCode::name_unknown, 404},
                                                    {ErrorCode::size_invalid, 400},
                                                    {ErrorCode::unauthorized, 401},
                                                    {ErrorCode::denied, 403},
                                                    {ErrorCode::unsupported, 405},
                                                    {ErrorCode::too_many_requests, 429},
                                                    {ErrorCode::too_large, 413},
                                                    {ErrorCode::range_invalid, 416},
                                                    {ErrorCode::in_use, 405},
                                                    {ErrorCode::read_only, 405},
                                                    {ErrorCode::truncated, 400},
                                                    {ErrorCode::timeout, 408},
                                                    {ErrorCode::precondition_failed, 412},
                                                    {ErrorCode::unavailable, 503},
                                                    {ErrorCode::no_space, 507},
                                                    {ErrorCode::io, 500},
                                                    {ErrorCode::internal, 500},
                                                    {ErrorCode::corrupt, 500},
                                                    {ErrorCode::manifest_blob_unknown, 400},
                                                    {ErrorCode::package_unknown, 404},
                                                    {ErrorCode::package_exists, 409}};
    for (const auto& [code, status] : table)
        EXPECT_EQ(http_status(code), status) << to_string(code);
}

TEST(ErrorResponse, BelowServerErrorsUsesOnlyTheSpecifiedCodes) {
    const std::set<std::string> specified = {
        "BLOB_UNKNOWN",     "BLOB_UPLOAD_INVALID",   "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID",
        "MANIFEST_INVALID", "MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN",    "NAME_INVALID",
        "NAME_UNKNOWN",     "SIZE_INVALID",          "UNAUTHORIZED",        "DENIED",
        "UNSUPPORTED",      "TOOMANYREQUESTS"};
    for (int number = 1; number < 200; ++number) {
        const auto code = static_cast<ErrorCode>(number);
        // These are of the packages' own interface.
        if (code == ErrorCode::package_unknown || code == ErrorCode::package_exists) continue;
        const HttpResponse response = error_response(Error(code, "a \"message\"\n", "{\"x\":1}"));
        EXPECT_EQ(response.find("Content-Type"), "application/json");
        const std::string body(response.body().bytes());
        const std::string start = "{\"errors\":[{\"code\":\"";
        ASSERT_TRUE(body.starts_with(start));
        const std::string name =
            body.substr(start.size(), body.find('"', start.size()) - start.size());
        if (response.status() < 500) {
            EXPECT_EQ(specified.count(name), 1u) << name;
        }
        EXPECT_EQ(body.substr(start.size() + name.size()),
                  R"(","message":"a \"message\"\n","detail":{"x":1}}]})"
                  "\n");
    }
}

TEST(MatchesEtag, ReadsListsAndWeakTags) {
    const std::string_view etag = "\"abc\"";
    for (const char* condition : {"\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "\"x\",\"abc\"",
                                  "\"x\" , W/\"abc\" ,\"y\"", "*", " \"abc\" "}) {
        EXPECT_TRUE(matches_etag(condition, etag)) << condition;
    }
    for (const char* condition :
         {"", "abc", "\"abc", "\"ab\"", "\"abcd\"", "\"x\"", "\"*\"", "\"x\",\"y\"", "\"", ",,"}) {
        EXPECT_FALSE(matches_etag(condition, etag)) << condition;
    }
}

}  // namespace
}  // namespace pkgreg
