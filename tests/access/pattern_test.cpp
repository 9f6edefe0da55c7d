// Patterns: what they fit, what is none, and their order of exactness.

#include "access/pattern.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pkgreg::access {
namespace {

bool fits(std::string_view pattern, std::string_view name) {
    EXPECT_EQ(Pattern::problem_of(pattern, ResourceKind::repository), std::nullopt) << pattern;
    return Pattern(pattern).fits(name);
}

TEST(Wildcard, StarIsAnyRunOfCharacters) {
    EXPECT_TRUE(fits_wildcard("*", ""));
    EXPECT_TRUE(fits_wildcard("*", "a/b"));
    EXPECT_TRUE(fits_wildcard("a*", "a"));
    EXPECT_TRUE(fits_wildcard("a*c*e", "abcde"));
    EXPECT_TRUE(fits_wildcard("*ab", "aab"));
    EXPECT_TRUE(fits_wildcard("*aba*b", "ababab"));
    EXPECT_FALSE(fits_wildcard("a*c", "ab"));
    EXPECT_FALSE(fits_wildcard("", "a"));
    EXPECT_FALSE(fits_wildcard("a", ""));
    EXPECT_FALSE(fits_wildcard("a*b", "ac"));
}

TEST(Wildcard, ManyStarsTakeNoLongTime) {
    std::string wildcard;
    for (int i = 0; i < 100; ++i) wildcard += "*a";
    wildcard += "*b";
    EXPECT_FALSE(fits_wildcard(wildcard, std::string(255, 'a')));
}

TEST(Pattern, WithoutStarFitsItself) {
    EXPECT_TRUE(fits("library/nginx", "library/nginx"));
    EXPECT_FALSE(fits("library/nginx", "library/nginx2"));
    EXPECT_FALSE(fits("library/nginx", "library"));
    EXPECT_FALSE(fits("library", "library/nginx"));
}

TEST(Pattern, StarStaysInsideItsComponent) {
    EXPECT_TRUE(fits("team/*", "team/app"));
    EXPECT_FALSE(fits("team/*", "team/app/web"));
    EXPECT_FALSE(fits("team/*", "team"));
    EXPECT_TRUE(fits("team/a*", "team/a"));
    EXPECT_TRUE(fits("team-*/app", "team-x/app"));
    EXPECT_FALSE(fits("team-*/app", "team-x/y/app"));
    EXPECT_TRUE(fits("*", "app"));
    EXPECT_FALSE(fits("*", "team/app"));
}

TEST(Pattern, TwoStarsAreAnyNumberOfComponents) {
    EXPECT_TRUE(fits("**", "a"));
    EXPECT_TRUE(fits("**", "a/b/c"));
    EXPECT_TRUE(fits("library/**", "library/nginx"));
    EXPECT_TRUE(fits("library/**", "library/a/b/c"));
    EXPECT_FALSE(fits("library/**", "library"));
    EXPECT_FALSE(fits("library/**", "library2/nginx"));
    EXPECT_TRUE(fits("**/app", "app"));
    EXPECT_TRUE(fits("**/app", "a/b/app"));
    EXPECT_FALSE(fits("**/app", "a/myapp"));
    EXPECT_TRUE(fits("a/**/b", "a/b"));
    EXPECT_TRUE(fits("a/**/b", "a/b/b"));
    EXPECT_TRUE(fits("a/**/b", "a/x/y/b"));
    EXPECT_FALSE(fits("a/**/b", "a/x/y/bb"));
    EXPECT_TRUE(fits("a/**/b/**", "a/b/b/c"));
    EXPECT_FALSE(fits("a/**/b/**", "a/x/b"));
    EXPECT_TRUE(fits("**/*", "x"));
    EXPECT_TRUE(fits("**/a*/**", "x/ab/c"));
    EXPECT_FALSE(fits("**/a*/**", "x/b/c"));
}

TEST(Pattern, ManyTwoStarsTakeNoLongTime) {
    std::string pattern;
    std::string name = "a";
    for (int i = 0; i < 40; ++i) pattern += "**/a/";
    for (int i = 0; i < 120; ++i) name += "/a";
    EXPECT_FALSE(fits(pattern + "b", name));
    EXPECT_TRUE(fits(pattern + "a", name));
}

TEST(Pattern, WhatCanFitNothingIsRefused) {
    const auto problem = [](std::string_view text) {
        return Pattern::problem_of(text, ResourceKind::repository).value_or("");
    };
    for (const std::string_view text :
         {"",     "/",   "/a",    "a/",    "a//b",      "A",   "Library/**", "a b",
          "a:b",  "é",   "../a",  ".",     "a/..",      "_a",  "a-",         "%2f",
          "a***", "a**", "**a/b", "**/**", "a/**/**/b", "[a]", "?"}) {
        EXPECT_NE(problem(text), "") << text;
    }
    EXPECT_NE(problem(std::string(256, 'a')), "");
    for (const std::string_view text : {"a", "a/b", "*", "**", "a-*", "*.x", "**/a", "a__b/c*d"}) {
        EXPECT_EQ(problem(text), "") << text;
    }
}

TEST(Pattern, OfPackages) {
    const auto problem = [](std::string_view text) {
        return Pattern::problem_of(text, ResourceKind::package).value_or("");
    };
    for (const std::string_view text : {"*", "cassandra", "beta-*", "*-test", "c*a", "a*", "*1"}) {
        EXPECT_EQ(problem(text), "") << text;
    }
    for (const std::string_view text :
         {"", "**", "a/b", "Cassandra", "1*", "-*", "a*-", "x", "a.b", "a_b"}) {
        EXPECT_EQ(problem(text) == "", text == "**") << text;  // ** is * once more
    }
    EXPECT_TRUE(Pattern("beta-*").fits("beta-kafka"));
    EXPECT_FALSE(Pattern("beta-*").fits("kafka"));
    EXPECT_TRUE(Pattern("*").fits("kafka"));
}

TEST(Pattern, OrderOfExactness) {
    // Each is more exact than the next one.
    constexpr std::string_view order[] = {
        "a/b/c", "a/b/c*d", "a/b/c*", "a/b/*",  "a/b/**", "a/b",  "a/bb*/c", "a/b*/c",
        "a/b*",  "a/*/c",   "a/*",    "a/**/c", "a/**",   "a",    "aa*/b",   "a*/b",
        "a*/**", "a*",      "*/b",    "*/**",   "*",      "**/b", "**/b*",   "**",
    };
    for (std::size_t i = 1; i < std::size(order); ++i) {
        EXPECT_GT(Pattern(order[i - 1]).exactness(), Pattern(order[i]).exactness())
            << order[i - 1] << " before " << order[i];
    }
    EXPECT_EQ(Pattern("a*/x").exactness(), Pattern("*b/x").exactness());
}

TEST(Pattern, LeadingComponents) {
    EXPECT_EQ(Pattern("a/b/**").literal_components(), "a/b");
    EXPECT_EQ(Pattern("a/b/**").literal_depth(), 2u);
    EXPECT_EQ(Pattern("a/b*/c").literal_components(), "a");
    EXPECT_EQ(Pattern("a/b").literal_components(), "a/b");
    EXPECT_EQ(Pattern("**").literal_components(), "");
    EXPECT_EQ(Pattern("a/b*/c").literal_prefix(), "a/b");
    EXPECT_EQ(Pattern("a/**").literal_prefix(), "a/");
    EXPECT_EQ(Pattern("**").literal_prefix(), "");
    EXPECT_EQ(Pattern("a/b").literal_prefix(), "a/b");
}

}  // namespace
}  // namespace pkgreg::access
