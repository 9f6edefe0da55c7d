// The keys of an issuer over HTTP: asked for when needed, not too often, and kept when it is away.
#include "access/key_source.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "access/requests.hpp"
#include "access/tokens.hpp"
#include "s3/scripted_server.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg::access {
namespace {

using testing::HasSubstr;

/// An issuer whose answer can be changed.
class Issuer {
 public:
    void answer(int status, std::string body) {
        const std::lock_guard lock(mutex_);
        status_ = status;
        body_ = std::move(body);
    }
    std::string url() const { return server_.url() + "/keys"; }
    int requests() const { return server_.requests(); }

 private:
    std::mutex mutex_;
    int status_ = 200;
    std::string body_ = jwk_set({ec_key()});
    s3::ScriptedServer server_{[this](const s3::Received&) {
        const std::lock_guard lock(mutex_);
        return s3::reply(status_, body_);
    }};
};

/// What was logged.
class Log {
 public:
    LogCallback callback() {
        return [this](LogLevel, std::string_view line) {
            const std::lock_guard lock(mutex_);
            text_.append(line).append("\n");
        };
    }
    std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

 private:
    mutable std::mutex mutex_;
    std::string text_;
};

std::unique_ptr<Authenticator> make(const std::string& keys, std::shared_ptr<WorkPool> pool,
                                    LogCallback log = nullptr) {
    AccessOptions options;
    options.token.keys = keys;
    options.token.issuer = "issuer";
    options.token.realm = "https://issuer.example.com/token";
    return Authenticator::make(options, std::move(pool), std::move(log));
}

std::string bearer(const jose::PrivateKey& key) {
    return "Bearer " + token(key, claims());
}

void let_an_interval_pass() {
    std::this_thread::sleep_for(std::chrono::milliseconds(6100));
}

TEST(KeySource, AsksOnceForAllWhoNeedTheKeys) {
    const Issuer issuer;
    const auto authenticator = make(issuer.url(), std::make_shared<WorkPool>(2));
    std::vector<std::thread> threads;
    std::atomic<int> taken = 0;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back(
            [&] { taken += refusal(*authenticator, bearer(ec_key())) == "taken"; });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(taken, 8);
    EXPECT_EQ(issuer.requests(), 1);
}

TEST(KeySource, AsksOnTheCallersThreadWhereThereIsNoPool) {
    const Issuer issuer;
    const auto authenticator = make(issuer.url(), nullptr);
    EXPECT_EQ(issuer.requests(), 0);
    EXPECT_EQ(refusal(*authenticator, bearer(ec_key())), "taken");
    EXPECT_EQ(issuer.requests(), 1);
}

TEST(KeySource, AsksAgainForAnUnknownKeyButNotForEveryToken) {
    Issuer issuer;
    const auto pool = std::make_shared<WorkPool>(2);
    const auto authenticator = make(issuer.url(), pool);
    const std::string old_token = bearer(ec_key());
    EXPECT_EQ(refusal(*authenticator, old_token), "taken");
    const jose::PrivateKey next = jose::PrivateKey::generate_p256();
    issuer.answer(200, jwk_set({next}));
    for (int i = 0; i < 20; ++i) {
        EXPECT_THAT(refusal(*authenticator, bearer(jose::PrivateKey::generate_p256())),
                    HasSubstr("does not have"));
    }
    EXPECT_EQ(issuer.requests(), 1);
    let_an_interval_pass();
    EXPECT_EQ(refusal(*authenticator, bearer(next)), "taken");
    EXPECT_EQ(issuer.requests(), 2);
    // The issuer does not have the old key any more.
    EXPECT_EQ(known(*authenticator, old_token), nullptr);
    EXPECT_THAT(refusal(*authenticator, old_token), HasSubstr("does not have"));
    // What cannot pass anyway asks nobody.
    EXPECT_THAT(refusal(*authenticator, "Bearer " + token(rsa_key(), claims("", -100))),
                HasSubstr("expired"));
    EXPECT_EQ(issuer.requests(), 2);
}

TEST(KeySource, KeepsTheKeysWhileTheIssuerIsAway) {
    Issuer issuer;
    Log log;
    const auto authenticator = make(issuer.url(), std::make_shared<WorkPool>(2), log.callback());
    EXPECT_EQ(refusal(*authenticator, bearer(ec_key())), "taken");
    EXPECT_THAT(log.text(), HasSubstr("got the keys of " + issuer.url()));
    issuer.answer(503, "away");
    let_an_interval_pass();
    EXPECT_THAT(refusal(*authenticator, bearer(rsa_key())), HasSubstr("does not have"));
    EXPECT_EQ(issuer.requests(), 2);
    EXPECT_THAT(log.text(), HasSubstr("status 503"));
    EXPECT_EQ(refusal(*authenticator, bearer(ec_key())), "taken");
    issuer.answer(200, "<html>");
    let_an_interval_pass();
    EXPECT_THAT(refusal(*authenticator, bearer(rsa_key())), HasSubstr("does not have"));
    EXPECT_EQ(refusal(*authenticator, bearer(ec_key())), "taken");
    issuer.answer(200, jwk_set({rsa_key()}));
    let_an_interval_pass();
    EXPECT_EQ(refusal(*authenticator, bearer(rsa_key())), "taken");
}

TEST(KeySource, WithoutAnyKeysSaysThatItIsUnavailable) {
    Issuer issuer;
    issuer.answer(500, "");
    const auto authenticator = make(issuer.url(), std::make_shared<WorkPool>(2));
    EXPECT_THAT(refusal(*authenticator, bearer(ec_key()), ErrorCode::unavailable),
                HasSubstr("try again later"));
    // One that nobody listens at, found out at once; the start is not delayed by it.
    const auto begin = std::chrono::steady_clock::now();
    const auto nowhere = make("http://127.0.0.1:1/keys", std::make_shared<WorkPool>(2));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
    refusal(*nowhere, bearer(ec_key()), ErrorCode::unavailable);
}

TEST(KeySource, CanGoWhileTheIssuerIsBeingAsked) {
    std::atomic<bool> asked = false;
    s3::ScriptedServer silent([&](const s3::Received&) {
        asked = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        return s3::reply(200, jwk_set({ec_key()}));
    });
    const auto pool = std::make_shared<WorkPool>(1);
    auto lines = std::make_unique<Log>();
    auto source = KeySource::make(silent.url() + "/keys", "", pool, lines->callback());
    while (!asked) std::this_thread::yield();
    source.reset();
    lines.reset();  // nothing is logged from here on, or a sanitizer finds it
}

}  // namespace
}  // namespace pkgreg::access
