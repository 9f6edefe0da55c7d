// Target: the decoding of paths and queries.
#include "protocol/target.hpp"

#include "pkgreg/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg {
namespace {

TEST(PercentDecode, ReplacesEscapesAndOnlyThose) {
    EXPECT_EQ(percent_decode("", false), "");
    EXPECT_EQ(percent_decode("a/b-c", false), "a/b-c");
    EXPECT_EQ(percent_decode("sha256%3Aab", false), "sha256:ab");
    EXPECT_EQ(percent_decode("%3a%3A%2F%25", false), "::/%");
    EXPECT_EQ(percent_decode("%252F", false), "%2F") << "once, not again and again";
    EXPECT_EQ(percent_decode("a+b", false), "a+b");
    EXPECT_EQ(percent_decode("a+b%2B", true), "a b+");
    EXPECT_EQ(percent_decode("%00", false), std::string(1, '\0'));
    EXPECT_EQ(percent_decode("%ff%FF", false), "\xff\xff");
}

TEST(PercentDecode, RefusesAPercentWithoutTwoDigits) {
    for (const char* text : {"%", "%1", "a%", "a%2", "%zz", "%1g", "%g1", "% 1", "%-1", "%%31"}) {
        EXPECT_EQ(percent_decode(text, false), std::nullopt) << text;
        EXPECT_EQ(percent_decode(text, true), std::nullopt) << text;
    }
}

TEST(PercentEncode, EveryByteReadsBack) {
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        const std::string encoded = percent_encode(text);
        EXPECT_EQ(percent_decode(encoded, false), text);
        EXPECT_EQ(percent_decode(encoded, true), text);
        for (const char c : encoded) EXPECT_TRUE(c > ' ' && c < 127) << byte;
    }
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode("a/b c&d=e+f"), "a%2Fb%20c%26d%3De%2Bf");
}

TEST(Target, SplitsPathAndQuery) {
    const Target target =
        Target::parse("/v2/a/tags/list?n=10&last=v%2E1&n=20&empty=&flag&&=x#frag");
    EXPECT_EQ(target.path(), "/v2/a/tags/list");
    EXPECT_EQ(target.query("n"), "10");
    EXPECT_EQ(target.queries("n"), (std::vector<std::string_view>{"10", "20"}));
    EXPECT_EQ(target.query("last"), "v.1");
    EXPECT_EQ(target.query("empty"), "");
    EXPECT_EQ(target.query("flag"), "");
    EXPECT_EQ(target.query(""), "x");
    EXPECT_EQ(target.query("frag"), std::nullopt);
    EXPECT_TRUE(target.queries("none").empty());
}

TEST(Target, DecodesNamesAndValues) {
    const Target target = Target::parse("/?a%26b=c%3Dd&e=f=g&h=i+j");
    EXPECT_EQ(target.query("a&b"), "c=d");
    EXPECT_EQ(target.query("e"), "f=g");
    EXPECT_EQ(target.query("h"), "i j");
    EXPECT_EQ(Target::parse("/a%3Fb").path(), "/a?b");
}

TEST(Target, RefusesWhatIsNoPath) {
    for (const std::string& text :
         {std::string(""), std::string("*"), std::string("v2/"), std::string("http://host/v2/"),
          std::string("?n=1"), std::string("/%"), std::string("/%0"), std::string("/%zz"),
          std::string("/%00"), std::string("/a\0b", 4), std::string("/?a=%"), std::string("/?%=a"),
          std::string("/?a=%00"), std::string("/?%00=a")}) {
        try {
            Target::parse(text);
            ADD_FAILURE() << "accepted: " << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::malformed) << text;
        }
    }
}

}  // namespace
}  // namespace pkgreg
