// Error and ErrorCode: texts and numbers that programs rely on for ever.
#include "pkgreg/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <type_traits>
#include <utility>

namespace pkgreg {
namespace {

TEST(ErrorCode, NamesOfTheSpecificationAreItsOwn) {
    const std::pair<int, const char*> table[] = {
        {1, "BLOB_UNKNOWN"},     {2, "BLOB_UPLOAD_INVALID"},   {3, "BLOB_UPLOAD_UNKNOWN"},
        {4, "DIGEST_INVALID"},   {5, "MANIFEST_BLOB_UNKNOWN"}, {6, "MANIFEST_INVALID"},
        {7, "MANIFEST_UNKNOWN"}, {8, "NAME_INVALID"},          {9, "NAME_UNKNOWN"},
        {10, "SIZE_INVALID"},    {11, "UNAUTHORIZED"},         {12, "DENIED"},
        {13, "UNSUPPORTED"},     {14, "TOOMANYREQUESTS"}};
    for (const auto& [number, name] : table) {
        EXPECT_EQ(to_string(static_cast<ErrorCode>(number)), name);
    }
}

TEST(ErrorCode, EveryCodeHasANameOfItsOwnInCapitals) {
    std::set<std::string_view> names;
    int known = 0;
    for (int number = 0; number < 256; ++number) {
        const std::string_view name = to_string(static_cast<ErrorCode>(number));
        for (const char c : name) EXPECT_TRUE((c >= 'A' && c <= 'Z') || c == '_') << name;
        if (name == "INTERNAL" && number != 199) continue;  // a number that is no code
        ++known;
        EXPECT_TRUE(names.insert(name).second) << name;
    }
    EXPECT_EQ(known, 39);
}

TEST(Error, CarriesCodeMessageAndDetail) {
    const Error error(ErrorCode::blob_unknown, "no such blob", "{\"digest\":\"x\"}");
    const Error copy = error;
    EXPECT_EQ(copy.code(), ErrorCode::blob_unknown);
    EXPECT_STREQ(copy.what(), "no such blob");
    EXPECT_EQ(copy.message(), "no such blob");
    EXPECT_EQ(copy.detail(), "{\"digest\":\"x\"}");
    static_assert(std::is_nothrow_copy_constructible_v<Error>);
}

}  // namespace
}  // namespace pkgreg
