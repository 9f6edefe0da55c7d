// Passwords are checked away from the caller, once for all who bring the same one, and who guesses
// is slowed down.
#include "access/password_checks.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "access/too_many_requests.hpp"
#include "store/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg::access {
namespace {

constexpr std::string_view hash = "0CxPVVrVIaP8OS.3b3HqNuPcwcepNIWGJ/tHCvBqhpt71ZpZbAwYm";

class PasswordChecksTest : public testing::Test {
 protected:
    /// alice and bob, whose password is `secret`.
    std::unique_ptr<PasswordChecks> checks() {
        std::string text;
        for (const std::string name : {"alice", "bob"}) {
            text += name + ":$2y$05$" + std::string(hash) + "\n";
        }
        directory_.write("users", text);
        return std::make_unique<PasswordChecks>(directory_.path() / "users", nullptr);
    }
    static CallerPtr check(PasswordChecks& checks, const std::string& name,
                           const std::string& password, std::string_view client = "192.0.2.1:1") {
        return run_blocking(checks.check(name, password, client));
    }
    /// How long to wait after a guess; zero: it was looked at, and wrong.
    static std::chrono::seconds guess(PasswordChecks& checks, const std::string& password,
                                      std::string_view client = "192.0.2.1:1") {
        try {
            check(checks, "alice", password, client);
        } catch (const TooManyRequests& error) {
            EXPECT_EQ(error.code(), ErrorCode::too_many_requests);
            return error.retry_after();
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::unauthorized);
            return std::chrono::seconds(0);
        }
        ADD_FAILURE() << "the guess was right";
        return {};
    }

    TemporaryDirectory directory_;
};

TEST_F(PasswordChecksTest, ManyWhoBringTheSamePasswordAreLetIn) {
    const auto checks = this->checks();
    std::atomic<int> in = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            for (int j = 0; j < 50; ++j) in += check(*checks, "alice", "secret") != nullptr;
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(in, 400);
    ASSERT_NE(checks->known("alice", "secret"), nullptr);
    EXPECT_EQ(checks->known("bob", "secret"), nullptr);
}

TEST_F(PasswordChecksTest, ManyWrongOnesAtOnceEndForAll) {
    const auto checks = this->checks();
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            for (int j = 0; j < 20; ++j) {
                try {
                    check(*checks, "alice", "guess-" + std::to_string(j % 4),
                          "192.0.2." + std::to_string(i) + ":1");
                } catch (const Error&) {
                    ++refused;
                }
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(refused, 160);
}

TEST_F(PasswordChecksTest, WhoGuessesHasToWaitAndNobodyElse) {
    const auto checks = this->checks();
    check(*checks, "bob", "secret");
    int looked_at = 0;
    while (guess(*checks, "guess-" + std::to_string(looked_at)).count() == 0 && looked_at < 100) {
        ++looked_at;
    }
    EXPECT_EQ(looked_at, static_cast<int>(FailedLogins::free_per_address));
    // Whatever the port, and whether the password is right: else it would be a way to find out.
    EXPECT_GT(guess(*checks, "secret", "192.0.2.1:2").count(), 0);
    // Who was in before is not asked, and who comes from elsewhere is looked at.
    EXPECT_NE(check(*checks, "bob", "secret"), nullptr);
    EXPECT_NE(check(*checks, "alice", "secret", "192.0.2.2:1"), nullptr);
    // Now that alice is known, she is let in from there as well.
    EXPECT_NE(check(*checks, "alice", "secret"), nullptr);
}

TEST_F(PasswordChecksTest, AWrongPasswordThatIsRepeatedIsOneGuess) {
    const auto checks = this->checks();
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            for (int j = 0; j < 20; ++j) EXPECT_EQ(guess(*checks, "guess").count(), 0);
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_NE(check(*checks, "alice", "secret"), nullptr);
}

TEST_F(PasswordChecksTest, ANetworkOfIpv6IsOneAddress) {
    const auto checks = this->checks();
    int looked_at = 0;
    const auto guess_from_there = [&] {
        const std::string number = std::to_string(looked_at + 1);
        return guess(*checks, "guess-" + number, "[2001:db8::" + number + "]:1");
    };
    while (looked_at < 100 && guess_from_there().count() == 0) ++looked_at;
    EXPECT_EQ(looked_at, static_cast<int>(FailedLogins::free_per_address));
    EXPECT_EQ(guess(*checks, "guess", "[2001:db8:0:1::1]:1").count(), 0);
}

TEST_F(PasswordChecksTest, TheCallersThreadComputesNothing) {
    // A cost of 11 takes a tenth of a second of some core, but none of this thread's.
    directory_.write("users", "alice:$2y$11$" + std::string(hash) + "\n");
    PasswordChecks checks(directory_.path() / "users", nullptr);
    timespec before{};
    timespec after{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    EXPECT_EQ(guess(checks, "guess").count(), 0);
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    const auto used =
        (after.tv_sec - before.tv_sec) * 1'000'000'000 + after.tv_nsec - before.tv_nsec;
    EXPECT_LT(used, 20'000'000);
}

}  // namespace
}  // namespace pkgreg::access
