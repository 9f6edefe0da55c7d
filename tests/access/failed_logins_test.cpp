// Whoever guesses has to wait; nobody else has to.
#include "access/failed_logins.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg::access {
namespace {

constexpr std::int64_t start = 1000;

/// Tries, and fails where it may; gives back how long to wait.
std::int64_t guess(FailedLogins& logins, const std::string& name, const std::string& address,
                   std::int64_t now) {
    const auto pause = logins.begin(name, address, now);
    if (pause.count() == 0) logins.end(name, address, now, true);
    return pause.count();
}

TEST(FailedLogins, LetsSomeFailAndThenMakesThatAddressWaitLongerAndLonger) {
    FailedLogins logins;
    for (std::uint32_t i = 0; i < FailedLogins::free_per_address; ++i) {
        EXPECT_EQ(guess(logins, "name-" + std::to_string(i), "1", start), 0);
    }
    EXPECT_EQ(guess(logins, "alice", "1", start), 1);
    EXPECT_EQ(guess(logins, "alice", "1", start + 1), 0);
    EXPECT_EQ(guess(logins, "alice", "1", start + 1), 2);
    EXPECT_EQ(guess(logins, "alice", "1", start + 3), 0);
    EXPECT_EQ(guess(logins, "alice", "1", start + 3), 4);
    std::int64_t now = start + 7;
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(guess(logins, "alice", "1", now), 0);
        const std::int64_t pause = guess(logins, "alice", "1", now);
        EXPECT_LE(pause, FailedLogins::longest_pause_of_address.count());
        now += pause;
    }
    EXPECT_EQ(guess(logins, "alice", "1", now - 1),
              FailedLogins::longest_pause_of_address.count() - 59);
}

TEST(FailedLogins, DoesNotHinderOthers) {
    FailedLogins logins;
    while (guess(logins, "alice", "1", start) == 0) {
    }
    EXPECT_EQ(logins.begin("bob", "2", start).count(), 0);
    EXPECT_EQ(logins.begin("alice", "2", start).count(), 0);
    EXPECT_GT(logins.begin("bob", "1", start).count(), 0);
}

TEST(FailedLogins, SlowsGuessesOfOneNameFromManyAddresses) {
    FailedLogins logins;
    int tries = 0;
    while (guess(logins, "alice", "address-" + std::to_string(tries), start) == 0) ++tries;
    EXPECT_EQ(tries, static_cast<int>(FailedLogins::free_per_name));
    EXPECT_EQ(logins.begin("bob", "address-1", start).count(), 0);
    EXPECT_LE(logins.begin("alice", "elsewhere", start), FailedLogins::longest_pause_of_name);
    EXPECT_EQ(logins.begin("alice", "elsewhere", start + 5).count(), 0);
}

TEST(FailedLogins, ForgetsAfterAWhile) {
    FailedLogins logins;
    while (guess(logins, "alice", "1", start) == 0) {
    }
    const std::int64_t later = start + FailedLogins::memory.count() + 1;
    for (std::uint32_t i = 0; i < FailedLogins::free_per_address; ++i) {
        EXPECT_EQ(guess(logins, "alice", "1", later), 0);
    }
    EXPECT_EQ(guess(logins, "alice", "1", later), 1);
}

TEST(FailedLogins, CountsNothingForWhoSucceeds) {
    FailedLogins logins;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(logins.begin("alice", "1", start).count(), 0);
        logins.end("alice", "1", start, false);
    }
}

TEST(FailedLogins, LooksAtFewOfOneAddressAtOnce) {
    FailedLogins logins;
    for (std::uint32_t i = 0; i < FailedLogins::max_at_once; ++i) {
        EXPECT_EQ(logins.begin("alice", "1", start).count(), 0);
    }
    EXPECT_EQ(logins.begin("alice", "1", start).count(), 1);
    EXPECT_EQ(logins.begin("alice", "2", start).count(), 0);
    logins.end("alice", "1", start, false);
    EXPECT_EQ(logins.begin("alice", "1", start).count(), 0);
}

TEST(FailedLogins, StaysSmall) {
    FailedLogins logins;
    for (int i = 0; i < 100'000; ++i) {
        guess(logins, "name-" + std::to_string(i), "address-" + std::to_string(i), start);
    }
    EXPECT_LE(logins.size(), 8192U);
    // A name with a colon or an address that looks like one is no other record.
    EXPECT_EQ(logins.begin("1", "alice", start).count(), 0);
}

}  // namespace
}  // namespace pkgreg::access
