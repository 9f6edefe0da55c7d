// Limits of requests: what is admitted when, for whom it counts, and that memory stays bounded.
#include "access/request_limiter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg::access {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = RequestLimiter::Clock;

RequestLimits limits(std::size_t per_second, std::size_t at_once = 0) {
    return RequestLimits{per_second, at_once};
}
Identity alice() {
    return Identity{IdentityKind::basic, "alice"};
}

/// A moment that the tests count from.
const Clock::time_point start = Clock::time_point(std::chrono::hours(1000));

/// How many of `tries` at one moment are admitted.
int admitted(RequestLimiter& limiter, RequestLimiter::Who who, Clock::time_point when, int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) count += limiter.admit(who, when).admitted ? 1 : 0;
    return count;
}

TEST(RequestRate, AdmitsASecondsWorthAtOnceAndThenOneAtATime) {
    RequestLimiter limiter(limits(10));
    const auto who = limiter.who(alice(), "");
    EXPECT_EQ(admitted(limiter, who, start, 50), 10);
    EXPECT_EQ(admitted(limiter, who, start + milliseconds(99), 5), 0);
    EXPECT_EQ(admitted(limiter, who, start + milliseconds(100), 5), 1);
    EXPECT_EQ(admitted(limiter, who, start + milliseconds(350), 5), 2);
    EXPECT_EQ(admitted(limiter, who, start + seconds(100), 50), 10);
}

TEST(RequestRate, HoldsOnAverage) {
    RequestLimiter limiter(limits(7));
    const auto who = limiter.who(alice(), "");
    int count = 0;
    for (int ms = 0; ms < 60'000; ++ms)
        count += admitted(limiter, who, start + milliseconds(ms), 1);
    EXPECT_GE(count, 7 * 60);
    EXPECT_LE(count, 7 * 61);
}

TEST(RequestRate, OfOneASecondAdmitsOne) {
    RequestLimiter limiter(limits(1));
    const auto who = limiter.who(alice(), "");
    EXPECT_EQ(admitted(limiter, who, start, 3), 1);
    EXPECT_EQ(admitted(limiter, who, start + milliseconds(999), 3), 0);
    EXPECT_EQ(admitted(limiter, who, start + milliseconds(1000), 3), 1);
}

TEST(RequestRate, SaysWhenToComeBackAndMeansIt) {
    RequestLimiter limiter(limits(4));
    const auto who = limiter.who(alice(), "");
    admitted(limiter, who, start, 4);
    const auto refused = limiter.admit(who, start + milliseconds(10));
    ASSERT_FALSE(refused.admitted);
    EXPECT_FALSE(refused.at_once);
    EXPECT_EQ(refused.retry_after, milliseconds(240));
    EXPECT_TRUE(limiter.admit(who, start + milliseconds(10) + refused.retry_after).admitted);
}

TEST(RequestRate, IsNotUsedUpByWhatIsRefused) {
    RequestLimiter limiter(limits(10));
    const auto who = limiter.who(alice(), "");
    EXPECT_EQ(admitted(limiter, who, start, 10'000), 10);
    EXPECT_EQ(admitted(limiter, who, start + milliseconds(500), 10), 5);
}

TEST(RequestRate, CanBeAskedForWithoutCounting) {
    RequestLimiter limiter(limits(2));
    const auto who = limiter.who(Identity(), "192.0.2.1:80");
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(limiter.wait(who, start));
    EXPECT_EQ(admitted(limiter, who, start, 5), 2);
    EXPECT_EQ(limiter.wait(who, start), milliseconds(500));
    EXPECT_FALSE(limiter.wait(who, start + milliseconds(500)));
}

TEST(RequestRate, OfHugeNumbersLimitsNothingThatAnybodySends) {
    RequestLimiter limiter(limits(SIZE_MAX));
    const auto who = limiter.who(alice(), "");
    EXPECT_EQ(admitted(limiter, who, start, 1000), 1000);
}

TEST(RequestsAtOnce, AreCountedUntilTheirTurnEnds) {
    RequestLimiter limiter(limits(0, 2));
    const auto who = limiter.who(alice(), "");
    auto first = limiter.admit(who, start);
    auto second = limiter.admit(who, start);
    ASSERT_TRUE(first.admitted && first.turn && second.admitted && second.turn);
    const auto third = limiter.admit(who, start);
    EXPECT_FALSE(third.admitted);
    EXPECT_TRUE(third.at_once);
    EXPECT_GT(third.retry_after, milliseconds(0));
    first.turn = {};
    EXPECT_TRUE(limiter.admit(who, start).admitted);
}

TEST(RequestsAtOnce, MoveWithTheirTurn) {
    RequestLimiter limiter(limits(0, 1));
    const auto who = limiter.who(alice(), "");
    auto first = limiter.admit(who, start);
    {
        RequestLimiter::Turn moved = std::move(first.turn);
        EXPECT_FALSE(first.turn);
        EXPECT_FALSE(limiter.admit(who, start).admitted);
    }
    EXPECT_TRUE(limiter.admit(who, start).admitted);
}

TEST(RequestsAtOnce, DoNotUseUpTheRateWhenTheyAreRefused) {
    RequestLimiter limiter(limits(10, 1));
    const auto who = limiter.who(alice(), "");
    {
        const auto first = limiter.admit(who, start);
        EXPECT_EQ(admitted(limiter, who, start, 100), 0);
    }
    EXPECT_EQ(admitted(limiter, who, start, 100), 9);
}

TEST(RequestsAtOnce, MayEndAfterTheLimiter) {
    RequestLimiter::Turn turn;
    {
        RequestLimiter limiter(limits(0, 1));
        turn = limiter.admit(limiter.who(alice(), ""), start).turn;
    }
    EXPECT_TRUE(turn);
}

TEST(RequestLimiter, CountsForTheIdentityWhereverItAsksFrom) {
    RequestLimiter limiter(limits(2));
    EXPECT_EQ(admitted(limiter, limiter.who(alice(), "192.0.2.1:80"), start, 5), 2);
    EXPECT_EQ(admitted(limiter, limiter.who(alice(), "192.0.2.2:80"), start, 5), 0);
    const Identity bob{IdentityKind::basic, "bob"};
    EXPECT_EQ(admitted(limiter, limiter.who(bob, "192.0.2.1:80"), start, 5), 2);
    const Identity token{IdentityKind::token, "alice"};
    EXPECT_EQ(admitted(limiter, limiter.who(token, "192.0.2.1:80"), start, 5), 2);
}

TEST(RequestLimiter, CountsForTheAddressWhereNobodyIsKnown) {
    RequestLimiter limiter(limits(2));
    const Identity nobody;
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "192.0.2.1:80"), start, 5), 2);
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "192.0.2.1:81"), start, 5), 0);
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "192.0.2.2:80"), start, 5), 2);
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "[2001:db8::1]:80"), start, 5), 2);
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "[2001:db8::2]:80"), start, 5), 0);
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "unix"), start, 5), 2);
    EXPECT_EQ(admitted(limiter, limiter.who(nobody, "unix"), start, 5), 0);
    // Nobody becomes another one by a name that looks like an address' key.
    const Identity named{IdentityKind::basic, "4" + std::string("\xc0\x00\x02\x01", 4)};
    EXPECT_EQ(admitted(limiter, limiter.who(named, ""), start, 5), 2);
}

TEST(RequestLimiter, ForgetsStrangersButNeverWhoIsBeingAnswered) {
    RequestLimiter limiter(limits(1000, 1));
    const Identity nobody;
    const auto kept = limiter.who(alice(), "");
    const auto running = limiter.admit(kept, start);
    ASSERT_TRUE(running.turn);
    for (int i = 0; i < 1'000'000; ++i) {
        const std::string address = std::to_string(i / 65536 + 1) + "." +
                                    std::to_string(i / 256 % 256) + "." + std::to_string(i % 256) +
                                    ".1:80";
        ASSERT_TRUE(limiter.admit(limiter.who(nobody, address), start).admitted);
    }
    EXPECT_FALSE(limiter.admit(kept, start).admitted);
}

TEST(RequestLimiter, WhatWasMoreWorkIsPaidForBeforeTheNextRequest) {
    RequestLimiter limiter(limits(10, 0));
    const auto who = limiter.who(alice(), "");
    ASSERT_TRUE(limiter.admit(who, start).admitted);
    for (int i = 0; i < 29; ++i) limiter.charge(who, start);
    const auto early = limiter.admit(who, start);
    EXPECT_FALSE(early.admitted);
    EXPECT_EQ(early.retry_after, milliseconds(2100));
    EXPECT_FALSE(limiter.admit(who, start + milliseconds(2099)).admitted);
    EXPECT_TRUE(limiter.admit(who, start + milliseconds(2100)).admitted);
    EXPECT_TRUE(limiter.admit(limiter.who(Identity(), "192.0.2.1"), start).admitted);
}

TEST(RequestLimiter, AdmitsWhomItCannotCount) {
    RequestLimiter limiter(limits(0, 1));
    std::vector<RequestLimiter::Turn> turns;
    std::size_t uncounted = 0;
    for (int i = 0; i < 500'000; ++i) {
        const Identity identity{IdentityKind::token, std::to_string(i)};
        auto admission = limiter.admit(limiter.who(identity, ""), start);
        ASSERT_TRUE(admission.admitted);
        if (!admission.turn) ++uncounted;
        turns.push_back(std::move(admission.turn));
    }
    EXPECT_EQ(uncounted, 500'000u - 65'536u);
}

TEST(RequestLimiter, CountsRightWhenManyThreadsAsk) {
    RequestLimiter limiter(limits(0, 50));
    const auto who = limiter.who(alice(), "");
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
            for (int round = 0; round < 500; ++round) {
                std::vector<RequestLimiter::Turn> turns;
                for (int i = 0; i < 20; ++i) {
                    auto admission = limiter.admit(who);
                    if (!admission.admitted) continue;
                    const int seen = ++now;
                    int before = most;
                    while (before < seen && !most.compare_exchange_weak(before, seen)) {
                    }
                    turns.push_back(std::move(admission.turn));
                }
                now -= static_cast<int>(turns.size());
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_LE(most, 50);
    std::vector<RequestLimiter::Turn> turns;
    for (int i = 0; i < 60; ++i) {
        auto admission = limiter.admit(who);
        if (admission.admitted) turns.push_back(std::move(admission.turn));
    }
    EXPECT_EQ(turns.size(), 50u);
}

}  // namespace
}  // namespace pkgreg::access
