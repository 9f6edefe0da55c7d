// What was proved is known for its time and no longer, and never more of it than fits.
#include "access/caller_cache.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg::access {
namespace {

CallerPtr caller(const std::string& name) {
    auto caller = std::make_shared<Caller>();
    caller->identity = {IdentityKind::basic, name, {}};
    return caller;
}

TEST(CallerCache, KnowsWhatWasPutUntilItExpires) {
    const ProofHash hash;
    CallerCache cache;
    const ProofKey key = hash.of({"alice", "secret"});
    EXPECT_EQ(cache.find(key, nullptr, 1), nullptr);
    cache.put(key, nullptr, caller("alice"), 10);
    ASSERT_NE(cache.find(key, nullptr, 9), nullptr);
    EXPECT_EQ(cache.find(key, nullptr, 9)->identity.name, "alice");
    EXPECT_EQ(cache.find(key, nullptr, 10), nullptr);
    EXPECT_EQ(cache.size(), 0U);
}

TEST(CallerCache, ForgetsWhatWasProvedBySomethingElse) {
    const ProofHash hash;
    CallerCache cache;
    const auto first = std::make_shared<int>(1);
    const auto second = std::make_shared<int>(1);
    const ProofKey key = hash.of({"token"});
    cache.put(key, first, caller("alice"), 10);
    EXPECT_NE(cache.find(key, first, 1), nullptr);
    EXPECT_EQ(cache.find(key, second, 1), nullptr);
    EXPECT_EQ(cache.find(key, first, 1), nullptr);
}

TEST(CallerCache, StaysSmallAndKeepsWhatIsUsed) {
    const ProofHash hash;
    CallerCache cache(1000);
    const ProofKey used = hash.of({"used"});
    cache.put(used, nullptr, caller("used"), 10);
    for (int i = 0; i < 50'000; ++i) {
        cache.put(hash.of({std::to_string(i)}), nullptr, caller("other"), 10);
        ASSERT_NE(cache.find(used, nullptr, 1), nullptr) << i;
    }
    EXPECT_LE(cache.size(), 1100U);
}

TEST(ProofHash, TellsListsApart) {
    const ProofHash hash;
    EXPECT_EQ(hash.of({"a", "bc"}), hash.of({"a", "bc"}));
    EXPECT_NE(hash.of({"a", "bc"}), hash.of({"ab", "c"}));
    EXPECT_NE(hash.of({"abc"}), hash.of({"abc", ""}));
    EXPECT_NE(hash.of({}), hash.of({""}));
    // Another process, and another instance, has another key.
    EXPECT_NE(hash.of({"a"}), ProofHash().of({"a"}));
}

}  // namespace
}  // namespace pkgreg::access
