// MediaType: RFC 6838 names, without the parameters that clients add.
#include "pkgreg/media_type.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg {
namespace {

TEST(MediaType, DropsParametersBlanksAndCase) {
    for (const char* text : {"application/json", "application/json; charset=utf-8",
                             " application/json\t", "Application/JSON", "application/json ;q=1"}) {
        EXPECT_EQ(MediaType::parse(text), "application/json") << text;
    }
}

TEST(MediaType, AcceptsEveryTypeThatIsKnownByName) {
    for (const std::string_view text :
         {media_types::oci_manifest, media_types::oci_index, media_types::docker_manifest,
          media_types::docker_list, media_types::docker_schema1, media_types::docker_schema1_signed,
          media_types::octet_stream, media_types::json}) {
        EXPECT_EQ(MediaType::parse(text).view(), text);
    }
}

TEST(MediaType, RefusesWhatIsNoRestrictedName) {
    for (const std::string& text :
         {std::string(), std::string("/"), std::string("a"), std::string("a/"), std::string("/b"),
          std::string("a/b/c"), std::string("a b/c"), std::string("a/b c"), std::string("+a/b"),
          std::string("a/.b"), std::string("a/b\n"), std::string("a/\"b\""),
          std::string("a/b\0c", 5), std::string("*/*"), std::string("a/b,c/d"),
          std::string("\xc3\xa4/b"), std::string(";a/b"), "a/" + std::string(254, 'b')}) {
        EXPECT_EQ(MediaType::try_parse(text), std::nullopt) << text;
        EXPECT_THROW(MediaType::parse(text), Error);
    }
    EXPECT_NE(MediaType::try_parse("a/" + std::string(253, 'b')), std::nullopt);
}

}  // namespace
}  // namespace pkgreg
