// append_json_string: whatever comes in, what comes out is a JSON string that reads back.
#include "base/json_text.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include <string>

namespace pkgreg {
namespace {

std::string read_back(const std::string& json) {
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    std::string_view text;
    EXPECT_EQ(parser.parse("[" + json + "]").get(element), simdjson::SUCCESS) << json;
    EXPECT_EQ(element.at(0).get(text), simdjson::SUCCESS) << json;
    return std::string(text);
}

TEST(JsonText, EscapesWhatMustBeEscaped) {
    EXPECT_EQ(json_string(""), "\"\"");
    EXPECT_EQ(json_string("plain / text"), "\"plain / text\"");
    EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
    EXPECT_EQ(json_string("a\nb"), R"("a\nb")");
    EXPECT_EQ(json_string(std::string("\0\x1f\x7f\t", 4)), R"("\u0000\u001f\u007f\u0009")");
    std::string out = "x";
    append_json_string(out, "y");
    EXPECT_EQ(out, "x\"y\"");
}

TEST(JsonText, EveryCharacterOfAsciiReadsBack) {
    for (int byte = 0; byte < 128; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        EXPECT_EQ(read_back(json_string(text)), text) << byte;
    }
}

TEST(JsonText, Utf8IsLeftAlone) {
    for (const char* text :
         {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
          "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xf0\x9f\x93\xa6"}) {
        EXPECT_EQ(json_string(text), "\"" + std::string(text) + "\"");
        EXPECT_EQ(read_back(json_string(text)), text);
    }
}

TEST(JsonText, EachByteThatIsNoUtf8IsReplaced) {
    const std::string replacement = "\xef\xbf\xbd";
    const std::pair<std::string, std::string> table[] = {
        {"\x80", replacement},                                      // a continuation alone
        {"\xff", replacement},                                      // never a lead
        {"a\xc3", "a" + replacement},                               // cut off
        {"\xe2\x82", replacement + replacement},                    // cut off
        {"\xf0\x9f\x93", replacement + replacement + replacement},  // cut off
        {"\xc0\xaf", replacement + replacement},                    // overlong
        {"\xe0\x80\xaf", replacement + replacement + replacement},  // overlong
        {"\xed\xa0\x80", replacement + replacement + replacement},  // a surrogate
        {"\xf4\x90\x80\x80", replacement + replacement + replacement + replacement},  // too large
        {"\xc3(", replacement + "("},  // what follows is kept
        {"\xe2\x82\"", replacement + replacement + "\""},
    };
    for (const auto& [text, expected] : table) EXPECT_EQ(read_back(json_string(text)), expected);
}

}  // namespace
}  // namespace pkgreg
