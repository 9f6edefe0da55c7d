// RepositoryName and Tag: the grammars of the distribution specification, place by place.
#include "pkgreg/names.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

namespace pkgreg {
namespace {

TEST(RepositoryName, AcceptsWhatTheSpecificationAllows) {
    for (const std::string& text :
         {std::string("a"), std::string("0"), std::string("library/nginx"),
          std::string("a/b/c/d/e/f"), std::string("a.b"), std::string("a_b"), std::string("a__b"),
          std::string("a-b"), std::string("a-----b"), std::string("a.b_c__d-e/0.1"),
          std::string("blobs/uploads/manifests/tags/list"), std::string(255, 'a')}) {
        EXPECT_TRUE(RepositoryName::is_valid(text)) << text;
        EXPECT_EQ(RepositoryName::parse(text).str(), text);
    }
}

TEST(RepositoryName, RefusesEverythingElse) {
    for (const std::string& text :
         {std::string(""),        std::string("A"),     std::string("/"),
          std::string("/a"),      std::string("a/"),    std::string("a//b"),
          std::string("."),       std::string(".."),    std::string("a/.."),
          std::string("../a"),    std::string("a/./b"), std::string(".a"),
          std::string("a."),      std::string("a..b"),  std::string("_a"),
          std::string("a_"),      std::string("a___b"), std::string("a/_tags"),
          std::string("-a"),      std::string("a-"),    std::string("a.-b"),
          std::string("a-.b"),    std::string("a_-b"),  std::string("a._b"),
          std::string("a-/b"),    std::string("a/-b"),  std::string("a b"),
          std::string("a:b"),     std::string("a+b"),   std::string("a\\b"),
          std::string("a\0b", 3), std::string("a\n"),   std::string("\xc3\xa4"),
          std::string(256, 'a')}) {
        EXPECT_FALSE(RepositoryName::is_valid(text)) << text;
        EXPECT_EQ(RepositoryName::try_parse(text), std::nullopt) << text;
        try {
            RepositoryName::parse(text);
            ADD_FAILURE() << "accepted: " << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::name_invalid);
        }
    }
}

// Every text of up to six characters of an alphabet that has one of each kind.
TEST(RepositoryName, AgreesWithTheSpecificationsExpressionOnEveryShortText) {
    const std::regex expression(
        R"([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*)");
    const std::string alphabet = "a._-/";
    std::vector<std::string> texts = {""};
    for (std::size_t begin = 0, length = 1; length <= 6; ++length) {
        const std::size_t end = texts.size();
        for (; begin < end; ++begin) {
            for (const char c : alphabet) texts.push_back(texts[begin] + c);
        }
    }
    for (const std::string& text : texts) {
        ASSERT_EQ(RepositoryName::is_valid(text), std::regex_match(text, expression)) << text;
    }
}

TEST(RepositoryName, OrdersByBytes) {
    std::vector<RepositoryName> names;
    for (const char* text : {"a0", "a/b", "a.b", "a-b", "a", "a_b", "ab"}) {
        names.push_back(RepositoryName::parse(text));
    }
    std::sort(names.begin(), names.end());
    std::string joined;
    for (const RepositoryName& name : names) joined += name.str() + " ";
    EXPECT_EQ(joined, "a a-b a.b a/b a0 a_b ab ");
}

TEST(Tag, AgreesWithTheSpecificationsExpressionOnEveryByte) {
    for (int byte = 0; byte < 256; ++byte) {
        const char c = static_cast<char>(byte);
        const bool word = byte < 128 && (std::isalnum(byte) != 0 || c == '_');
        EXPECT_EQ(Tag::is_valid(std::string(1, c)), word) << byte;
        EXPECT_EQ(Tag::is_valid(std::string("a") + c), word || c == '.' || c == '-') << byte;
    }
}

TEST(Tag, IsOneTo128CharactersLong) {
    EXPECT_FALSE(Tag::is_valid(""));
    EXPECT_TRUE(Tag::is_valid(std::string(128, 'x')));
    EXPECT_FALSE(Tag::is_valid(std::string(129, 'x')));
    EXPECT_EQ(Tag::parse("v1.0-rc_1").str(), "v1.0-rc_1");
    try {
        Tag::parse("..");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::name_invalid);
    }
}

}  // namespace
}  // namespace pkgreg
