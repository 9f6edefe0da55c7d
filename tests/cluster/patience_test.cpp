// Pauses, what is told of them, and when a certificate is renewed.
#include "cluster/patience.hpp"

#include "pkgreg/error.hpp"

#include "cluster/renewal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vector>

namespace pkgreg::cluster {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using Clock = std::chrono::system_clock;
using ::testing::HasSubstr;

class StopFd {
 public:
    StopFd() : fd(::eventfd(0, EFD_CLOEXEC)) {}
    ~StopFd() { ::close(fd); }
    StopFd(const StopFd&) = delete;
    StopFd& operator=(const StopFd&) = delete;
    const int fd;
};

TEST(Pauses, double_up_to_their_limit) {
    Pauses pauses;
    for (const int base : {1000, 2000, 4000, 5000, 5000}) {
        const milliseconds pause = pauses.next(5000ms);
        EXPECT_GE(pause, milliseconds(base * 8 / 10));
        EXPECT_LE(pause, milliseconds(base * 12 / 10));
    }
}

TEST(Sleep, ends_early_when_it_is_told_to) {
    const StopFd stop;
    EXPECT_FALSE(sleep_for(20ms, stop.fd));
    ::eventfd_write(stop.fd, 1);
    EXPECT_TRUE(sleep_for(60s, stop.fd));
}

TEST(Asking, goes_on_while_nobody_answers) {
    int calls = 0;
    std::vector<std::string> lines;
    const StopFd stop;
    const auto ask = [&] {
        if (++calls == 1) throw Error(ErrorCode::unavailable, "not yet");
    };
    EXPECT_TRUE(ask_until_answered(ask, "an answer", stop.fd, [&](LogLevel, std::string_view line) {
        lines.emplace_back(line);
    }));
    EXPECT_EQ(calls, 2);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_THAT(lines[0], HasSubstr("waiting for an answer: not yet; the next try is in "));
}

TEST(Asking, ends_when_it_is_told_to_or_refused) {
    const StopFd stop;
    ::eventfd_write(stop.fd, 1);
    const auto away = [] { throw Error(ErrorCode::unavailable, "away"); };
    EXPECT_FALSE(ask_until_answered(away, "x", stop.fd, {}));
    const auto cancelled = [] { throw Error(ErrorCode::cancelled, "stopped"); };
    EXPECT_FALSE(ask_until_answered(cancelled, "x", -1, {}));
    const auto refused = [] { throw Error(ErrorCode::denied, "no"); };
    EXPECT_THROW(ask_until_answered(refused, "x", -1, {}), Error);
}

TEST(Renewal, is_after_two_thirds_of_the_life) {
    const Clock::time_point now = Clock::now();
    const CertificateLife life = {now, now + 300h};
    for (int i = 0; i < 100; ++i) {
        EXPECT_GE(renewal_of(life), now + 180h - 1s);
        EXPECT_LE(renewal_of(life), now + 201h);
    }
    EXPECT_EQ(renewal_of({now, now - 1h}), now);
}

TEST(Renewal, is_tried_the_more_often_the_nearer_the_end_is) {
    EXPECT_EQ(longest_pause(24h), 10min);
    EXPECT_EQ(longest_pause(8min), 1min);
    EXPECT_EQ(longest_pause(-1h), 1s);
    const Clock::time_point now = Clock::now();
    EXPECT_FALSE(is_near_end({now, now + 60h}, 11h));
    EXPECT_TRUE(is_near_end({now, now + 60h}, 9h));
}

TEST(Time, is_told_in_two_units) {
    EXPECT_EQ(text_of(1234ms), "1.2 s");
    EXPECT_EQ(text_of(-5s), "0.0 s");
    EXPECT_EQ(text_of(59s), "59 s");
    EXPECT_EQ(text_of(250s), "4 min 10 s");
    EXPECT_EQ(text_of(3h + 20min), "3 h 20 min");
    EXPECT_EQ(text_of(24h * 29 + 3h), "29 d 3 h");
}

}  // namespace
}  // namespace pkgreg::cluster
