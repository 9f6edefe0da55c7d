// JSON that knows where its values stand.
#include "dcos/verbatim_json.hpp"

#include "pkgreg/error.hpp"

#include "dcos/text_edit.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg {
namespace {

TEST(VerbatimJson, EveryValueKnowsItsPlaceInTheText) {
    const std::string text =
        " { \"a\" : [ 1.50 , \"x\\u0041\" ,{}, [ ] ] ,\n\t\"b\\n\":{\"c\":null}, \"d\" :true } ";
    const JsonText document(text);
    const JsonNode root = document.root();
    EXPECT_EQ(root.raw(), text.substr(1, text.size() - 2));
    const JsonNode list = *root.find("a");
    EXPECT_EQ(list.raw(), "[ 1.50 , \"x\\u0041\" ,{}, [ ] ]");
    std::vector<std::string> elements;
    for (const JsonNode element : list.children()) elements.emplace_back(element.raw());
    EXPECT_EQ(elements, (std::vector<std::string>{"1.50", "\"x\\u0041\"", "{}", "[ ]"}));
    EXPECT_EQ((*++list.begin_children()).string(), "xA");
    EXPECT_EQ(root.find("b\n")->raw(), "{\"c\":null}");
    EXPECT_EQ(text.substr(root.find("b\n")->key_begin(), 5), "\"b\\n\"");
    EXPECT_EQ(root.find("d")->raw(), "true");
    EXPECT_FALSE(root.find("e"));
}

TEST(VerbatimJson, NumbersOfAnySizeArePassedOn) {
    const JsonText document(
        R"({"n":[123456789012345678901234567890,1e999,-0.0,1E+2,0.10000000000000000000001]})");
    EXPECT_EQ(document.root().find("n")->raw(),
              "[123456789012345678901234567890,1e999,-0.0,1E+2,0.10000000000000000000001]");
}

TEST(VerbatimJson, WhatIsNotJsonIsRefusedWithItsLine) {
    for (const char* text : {"",
                             " ",
                             "[]",
                             "1",
                             "\"a\"",
                             "null",
                             "{",
                             "}",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{\"a\":1,}",
                             "{\"a\":1 \"b\":2}",
                             "{\"a\":01}",
                             "{\"a\":1.}",
                             "{\"a\":.5}",
                             "{\"a\":+1}",
                             "{\"a\":tru}",
                             "{\"a\":truex}",
                             "{\"a\":nul}",
                             "{\"a\":1x}",
                             "{\"a\":[1,]}",
                             "{\"a\":[1 2]}",
                             "{\"a\":[1}",
                             "{\"a\":{]}",
                             "{a:1}",
                             "{\"a\":\"\\x\"}",
                             "{\"a\":\"\\ud800\"}",
                             "{\"a\":\"\n\"}",
                             "{\"a\":\"\xff\"}",
                             "{\"a\":\"x}",
                             "{} x",
                             "{}{}",
                             "{},",
                             "{\"a\":1}}",
                             "{\"a\":'b'}",
                             "{\"a\":NaN}",
                             "\xef\xbb\xbf{}",
                             "{\"a\":1,,\"b\":2}",
                             "{\"a\" 1}",
                             "{\"a\"::1}",
                             "{\"a\":\"b\":1}",
                             "{\"a\":1:2}",
                             "{\"a\":[\"b\":1]}",
                             "{\"a\":true:1}",
                             "{\"a\":{}:1}",
                             "{1:2}",
                             "{\"a\":-}",
                             "{\"a\":[}",
                             "{\"a\":[1,2}"}) {
        try {
            const JsonText document{std::string(text)};
            ADD_FAILURE() << text << " was taken for JSON";
        } catch (const Error& error) {
            EXPECT_NE(error.message().find("line 1"), std::string::npos) << error.message();
        }
    }
    try {
        const JsonText document("{\n  \"a\": 1,\n  \"b\": oops\n}");
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("line 3, column 8"), std::string::npos) << error.message();
    }
}

TEST(VerbatimJson, NestingEndsSomewhere) {
    const auto nested = [](std::size_t depth) {
        return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
    };
    EXPECT_NO_THROW(JsonText(nested(JsonText::max_depth)));
    EXPECT_THROW(JsonText(nested(JsonText::max_depth + 1)), Error);
    EXPECT_THROW(JsonText(nested(100000)), Error);
}

TEST(VerbatimJson, MembersAreRemovedWithTheirCommas) {
    const auto without = [](const char* text, std::string_view keys) {
        const JsonText document{std::string(text)};
        return apply_edits(text, remove_members(document.root(), [&](JsonNode member) {
                               return keys.find(member.key()) != std::string_view::npos;
                           }));
    };
    const char* text = R"({ "a":1 , "b" : [2,3],"c":4 , "d":5 })";
    EXPECT_EQ(without(text, "a"), R"({ "b" : [2,3],"c":4 , "d":5 })");
    EXPECT_EQ(without(text, "b"), R"({ "a":1 , "c":4 , "d":5 })");
    EXPECT_EQ(without(text, "bc"), R"({ "a":1 , "d":5 })");
    EXPECT_EQ(without(text, "d"), R"({ "a":1 , "b" : [2,3],"c":4 })");
    EXPECT_EQ(without(text, "cd"), R"({ "a":1 , "b" : [2,3] })");
    EXPECT_EQ(without(text, "ac"), R"({ "b" : [2,3],"d":5 })");
    EXPECT_EQ(without(text, "abcd"), "{  }");
    EXPECT_EQ(without(text, ""), text);
}

}  // namespace
}  // namespace pkgreg
