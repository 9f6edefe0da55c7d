// ObjectKey: what can be a path of files and a key of S3 at once.
#include "pkgreg/object_key.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg {
namespace {

TEST(ObjectKey, AcceptsComponentsOfSafeCharacters) {
    for (const std::string& text :
         {std::string("format"), std::string("a/b/c"), std::string("a.b/c..d"), std::string("_a"),
          std::string("-a"), std::string("AZaz09+,-._=@~!"), std::string(255, 'a'),
          std::string(255, 'a') + "/" + std::string(255, 'b')}) {
        EXPECT_TRUE(ObjectKey::is_valid(text)) << text;
        EXPECT_EQ(ObjectKey(text).str(), text);
    }
}

TEST(ObjectKey, RefusesWhatCouldLeaveItsPlace) {
    for (const std::string& text : {std::string(""),         std::string("/"),
                                    std::string("/a"),       std::string("a/"),
                                    std::string("a//b"),     std::string("."),
                                    std::string(".."),       std::string("a/.."),
                                    std::string("../a"),     std::string("a/../b"),
                                    std::string(".hidden"),  std::string("a/.hidden"),
                                    std::string("a b"),      std::string("a\\b"),
                                    std::string("a\0b", 3),  std::string("a%2fb"),
                                    std::string("a:b"),      std::string("a*"),
                                    std::string("\xc3\xa4"), std::string("a\n"),
                                    std::string(256, 'a'),   "a/" + std::string(256, 'b')}) {
        EXPECT_FALSE(ObjectKey::is_valid(text)) << text;
        EXPECT_EQ(ObjectKey::try_parse(text), std::nullopt);
        EXPECT_THROW(ObjectKey{text}, Error);
    }
}

TEST(ObjectKey, IsAtMost900BytesLong) {
    std::string text;
    while (text.size() < 900) text += std::string(99, 'a') + "/";
    text.back() = 'a';
    ASSERT_EQ(text.size(), 900u);
    EXPECT_TRUE(ObjectKey::is_valid(text));
    EXPECT_FALSE(ObjectKey::is_valid(text + "a"));
}

TEST(ObjectKey, APrefixIsTheStartOfAKey) {
    for (const char* text : {"", "a", "a/", "a/b", "a/b/"}) {
        EXPECT_TRUE(ObjectKey::is_valid_prefix(text)) << text;
    }
    for (const char* text : {"/", "//", "a//", "../", "a/.", "a b"}) {
        EXPECT_FALSE(ObjectKey::is_valid_prefix(text)) << text;
    }
}

}  // namespace
}  // namespace pkgreg
