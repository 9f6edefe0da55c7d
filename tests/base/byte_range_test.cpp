// ByteRange: the forms of RFC 9110, section 14.1.2, and what each selects.
#include "pkgreg/byte_range.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>

namespace pkgreg {
namespace {

constexpr std::uint64_t huge = UINT64_MAX;

TEST(ByteRange, ReadsTheThreeFormsOfARange) {
    EXPECT_EQ(ByteRange::try_parse("bytes=0-99"), ByteRange::between(0, 99));
    EXPECT_EQ(ByteRange::try_parse("bytes=100-"), ByteRange::from(100));
    EXPECT_EQ(ByteRange::try_parse("bytes=-500"), ByteRange::suffix(500));
    EXPECT_EQ(ByteRange::try_parse("BYTES=7-7"), ByteRange::between(7, 7));
    EXPECT_EQ(ByteRange::try_parse(" bytes= 1-2 "), ByteRange::between(1, 2));
    EXPECT_EQ(ByteRange::try_parse("bytes=0000-0009"), ByteRange::between(0, 9));
}

TEST(ByteRange, IgnoresWhatItMayIgnore) {
    for (const char* text :
         {"",           "bytes",      "bytes=",        "bytes=-",     "bytes=1",    "bytes=2-1",
          "bytes=a-b",  "bytes=1-b",  "bytes=0-1,3-4", "bytes=1--2",  "bytes=--1",  "bytes=-1-2",
          "bytes=+1-2", "bytes=1-+2", "bytes=0x1-2",   "bytes=1.0-2", "bytes=1- 2", "bytes=1 -2",
          "items=0-1",  "bytes 0-1",  "xbytes=0-1"}) {
        EXPECT_EQ(ByteRange::try_parse(text), std::nullopt) << text;
    }
}

TEST(ByteRange, ANumberBeyond64BitsIsTheLargestOne) {
    const std::string beyond = "184467440737095516160";
    EXPECT_EQ(ByteRange::try_parse("bytes=0-" + beyond), ByteRange::from(0));
    EXPECT_EQ(ByteRange::try_parse("bytes=" + beyond + "-"), ByteRange::from(huge));
    EXPECT_EQ(ByteRange::try_parse("bytes=-" + beyond), ByteRange::suffix(huge));
    EXPECT_EQ(ByteRange::try_parse("bytes=" + beyond + "-")->resolve(huge), std::nullopt);
    EXPECT_EQ(ByteRange::try_parse("bytes=-" + beyond)->resolve(10), (ByteInterval{0, 10}));
}

TEST(ByteRange, SelectsWhatIsThere) {
    EXPECT_EQ(ByteRange().resolve(10), (ByteInterval{0, 10}));
    EXPECT_EQ(ByteRange().resolve(0), (ByteInterval{0, 0}));
    EXPECT_TRUE(ByteRange().is_everything());
    EXPECT_FALSE(ByteRange::from(0).is_everything());

    EXPECT_EQ(ByteRange::between(0, 0).resolve(10), (ByteInterval{0, 1}));
    EXPECT_EQ(ByteRange::between(3, 5).resolve(10), (ByteInterval{3, 3}));
    EXPECT_EQ(ByteRange::between(3, 9).resolve(10), (ByteInterval{3, 7}));
    EXPECT_EQ(ByteRange::between(3, 10).resolve(10), (ByteInterval{3, 7}));
    EXPECT_EQ(ByteRange::between(9, huge).resolve(10), (ByteInterval{9, 1}));
    EXPECT_EQ(ByteRange::from(9).resolve(10), (ByteInterval{9, 1}));
    EXPECT_EQ(ByteRange::suffix(3).resolve(10), (ByteInterval{7, 3}));
    EXPECT_EQ(ByteRange::suffix(10).resolve(10), (ByteInterval{0, 10}));
    EXPECT_EQ(ByteRange::suffix(11).resolve(10), (ByteInterval{0, 10}));
    EXPECT_EQ(ByteRange::between(0, huge).resolve(huge), (ByteInterval{0, huge}));
    EXPECT_EQ(ByteRange::between(0, huge).resolve(huge)->end(), huge);
}

TEST(ByteRange, SelectsNothingBehindTheEndOrOfNoLength) {
    EXPECT_EQ(ByteRange::from(10).resolve(10), std::nullopt);
    EXPECT_EQ(ByteRange::between(10, 20).resolve(10), std::nullopt);
    EXPECT_EQ(ByteRange::from(0).resolve(0), std::nullopt);
    EXPECT_EQ(ByteRange::suffix(0).resolve(10), std::nullopt);
    EXPECT_EQ(ByteRange::suffix(5).resolve(0), std::nullopt);
    EXPECT_THROW(ByteRange::between(2, 1), Error);
}

// Against a plain reading of the rule, byte by byte.
TEST(ByteRange, SelectsTheSameBytesAsTheRuleSays) {
    for (std::uint64_t size = 0; size <= 6; ++size) {
        for (std::uint64_t first = 0; first <= 7; ++first) {
            for (std::uint64_t last = first; last <= 8; ++last) {
                const auto selected = ByteRange::between(first, last).resolve(size);
                for (std::uint64_t at = 0; at < size; ++at) {
                    const bool in = selected && at >= selected->offset && at < selected->end();
                    ASSERT_EQ(in, at >= first && at <= last);
                }
                ASSERT_EQ(selected.has_value(), first < size);
            }
        }
    }
}

}  // namespace
}  // namespace pkgreg
