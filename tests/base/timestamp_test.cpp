// The time in lines of logs.
#include "base/timestamp.hpp"

#include <gtest/gtest.h>

namespace pkgreg {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

std::string text(std::int64_t ms) {
    std::string out = ">";
    append_timestamp(out, system_clock::time_point(milliseconds(ms)));
    return out;
}

TEST(Timestamp, HasMillisecondsInThreeDigitsAndIsUtc) {
    EXPECT_EQ(text(1'772'600'767'089), ">2026-03-04T05:06:07.089Z");
    EXPECT_EQ(text(1'772'600'767'989), ">2026-03-04T05:06:07.989Z");
    EXPECT_EQ(text(1'772'600'768'000), ">2026-03-04T05:06:08.000Z");
    EXPECT_EQ(text(0), ">1970-01-01T00:00:00.000Z");
}

TEST(Timestamp, RoundsDown) {
    std::string out;
    append_timestamp(out, system_clock::time_point(std::chrono::microseconds(1'999'999)));
    EXPECT_EQ(out, "1970-01-01T00:00:01.999Z");
}

}  // namespace
}  // namespace pkgreg
