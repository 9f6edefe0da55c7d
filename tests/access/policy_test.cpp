// What a policy allows: the most exact rule decides, default deny; and the same by a slow and plain
// reading of the rules, for thousands of policies made by chance.

#include "access/policy.hpp"

#include "access/pattern.hpp"
#include "access/policy_document.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace pkgreg::access {
namespace {

constexpr ResourceKind repository = ResourceKind::repository;
constexpr ResourceKind package = ResourceKind::package;

std::shared_ptr<const Policy> policy(const std::string& rules, const std::string& groups = "") {
    return Policy::parse("{\"groups\": {" + groups + "}, \"rules\": [" + rules + "]}", "test");
}

std::string rule(std::string_view who, std::string_view repositories, std::string_view actions) {
    return std::string("{\"who\": [")
        .append(who)
        .append("], \"repositories\": [")
        .append(repositories)
        .append("], \"actions\": [")
        .append(actions)
        .append("]}");
}

const Identity nobody;
const Identity alice{IdentityKind::basic, "alice"};
const Identity bob{IdentityKind::token, "bob"};

TEST(Policy, AllowsNothingWithoutARule) {
    const auto empty = policy("");
    for (const Identity& who : {nobody, alice}) {
        EXPECT_TRUE(empty->allowed(who, repository, "a/b").empty());
        EXPECT_TRUE(empty->allowed(who, package, "hello").empty());
        EXPECT_TRUE(empty->allowed(who, ResourceKind::catalog, "catalog").empty());
        EXPECT_FALSE(empty->allowed_somewhere(who, repository, Action::pull));
        EXPECT_FALSE(empty->allowed_everywhere(who, repository, Action::pull));
        EXPECT_TRUE(empty->prefixes(who, repository, Action::list).empty());
    }
}

TEST(Policy, TheMostExactPatternDecides) {
    const auto p = policy(rule(R"("alice")", R"("**")", R"("pull","push","list","delete")") + "," +
                          rule(R"("alice")", R"("team/**")", R"("pull")") + "," +
                          rule(R"("alice")", R"("team/secret")", ""));
    EXPECT_TRUE(p->allowed(alice, repository, "x").has(Action::push));
    EXPECT_EQ(p->allowed(alice, repository, "team/app"), ActionSet(Action::pull));
    EXPECT_TRUE(p->allowed(alice, repository, "team/secret").empty());
    EXPECT_TRUE(p->allowed(alice, repository, "team").has(Action::push));
    EXPECT_TRUE(p->allowed(nobody, repository, "x").empty());
    EXPECT_TRUE(p->allowed(alice, package, "hello").empty());
}

TEST(Policy, ARuleForOthersDecidesNothing) {
    const auto p = policy(rule(R"("everyone")", R"("**")", R"("pull")") + "," +
                          rule(R"("alice")", R"("team/**")", R"("push")"));
    EXPECT_EQ(p->allowed(alice, repository, "team/app"), ActionSet(Action::push));
    EXPECT_EQ(p->allowed(bob, repository, "team/app"), ActionSet(Action::pull));
    EXPECT_EQ(p->allowed(nobody, repository, "team/app"), ActionSet(Action::pull));
}

TEST(Policy, RulesWithTheSamePatternAreUnited) {
    const auto p = policy(rule(R"("everyone")", R"("a/**")", R"("pull")") + "," +
                          rule(R"("authenticated")", R"("a/**")", R"("push")"));
    EXPECT_EQ(p->allowed(alice, repository, "a/b"), Action::pull | Action::push);
    EXPECT_EQ(p->allowed(nobody, repository, "a/b"), ActionSet(Action::pull));
}

TEST(Policy, NoActionsTakesEverythingAwayAtItsLevel) {
    const auto p = policy(rule(R"("everyone")", R"("a/**")", R"("pull")") + "," +
                          rule(R"("bob")", R"("a/**")", "") + "," +
                          rule(R"("everyone")", R"("a/b/**")", R"("pull")"));
    EXPECT_EQ(p->allowed(alice, repository, "a/x"), ActionSet(Action::pull));
    EXPECT_TRUE(p->allowed(bob, repository, "a/x").empty());
    EXPECT_EQ(p->allowed(bob, repository, "a/b/c"), ActionSet(Action::pull));
}

TEST(Policy, PatternsAsExactAreUnited) {
    const auto p = policy(rule(R"("everyone")", R"("a*")", R"("pull")") + "," +
                          rule(R"("everyone")", R"("*b")", R"("push")"));
    EXPECT_EQ(p->allowed(alice, repository, "ab"), Action::pull | Action::push);
    EXPECT_EQ(p->allowed(alice, repository, "ac"), ActionSet(Action::pull));
}

TEST(Policy, KindsOfIdentities) {
    const auto p = policy(rule(R"("basic:alice")", R"("basic")", R"("pull")") + "," +
                          rule(R"("alice")", R"("any")", R"("pull")") + "," +
                          rule(R"("dcos:*")", R"("dcos")", R"("pull")") + "," +
                          rule(R"("name:a:b*")", R"("colon")", R"("pull")") + "," +
                          rule(R"("name:everyone")", R"("named")", R"("pull")") + "," +
                          rule(R"("*")", R"("known")", R"("pull")") + "," +
                          rule(R"("anonymous")", R"("nobody")", R"("pull")"));
    const auto pulls = [&](IdentityKind kind, std::string name, std::string_view repo) {
        return p->allowed({kind, std::move(name)}, repository, repo).has(Action::pull);
    };
    EXPECT_TRUE(pulls(IdentityKind::basic, "alice", "basic"));
    EXPECT_FALSE(pulls(IdentityKind::token, "alice", "basic"));
    for (const IdentityKind kind : {IdentityKind::basic, IdentityKind::token, IdentityKind::dcos,
                                    IdentityKind::certificate, IdentityKind::embedder}) {
        EXPECT_TRUE(pulls(kind, "alice", "any"));
        EXPECT_FALSE(pulls(kind, "Alice", "any"));
        EXPECT_TRUE(pulls(kind, "x", "known"));
        EXPECT_FALSE(pulls(kind, "x", "nobody"));
        EXPECT_EQ(pulls(kind, "agent", "dcos"), kind == IdentityKind::dcos);
    }
    EXPECT_TRUE(pulls(IdentityKind::basic, "a:bc", "colon"));
    EXPECT_FALSE(pulls(IdentityKind::basic, "a", "colon"));
    EXPECT_TRUE(pulls(IdentityKind::basic, "everyone", "named"));
    EXPECT_FALSE(pulls(IdentityKind::basic, "x", "named"));
    EXPECT_TRUE(pulls(IdentityKind::anonymous, "", "nobody"));
    EXPECT_FALSE(pulls(IdentityKind::anonymous, "", "known"));
    // A name that nobody proved is no name.
    EXPECT_FALSE(pulls(IdentityKind::anonymous, "alice", "any"));
}

TEST(Policy, Groups) {
    const auto p = policy(rule(R"("group:ops")", R"("**")", R"("pull")"),
                          R"("ops": ["alice", "token:b*"], "empty": [])");
    EXPECT_TRUE(p->allowed(alice, repository, "a").has(Action::pull));
    EXPECT_TRUE(p->allowed(bob, repository, "a").has(Action::pull));
    EXPECT_TRUE(p->allowed({IdentityKind::basic, "bob"}, repository, "a").empty());
    const Identity member{IdentityKind::embedder, "x", {"dev", "ops"}};
    EXPECT_TRUE(p->allowed(member, repository, "a").has(Action::pull));
    const Identity other{IdentityKind::embedder, "x", {"dev"}};
    EXPECT_TRUE(p->allowed(other, repository, "a").empty());
    EXPECT_TRUE(p->allowed({IdentityKind::anonymous, "", {"ops"}}, repository, "a").empty());
    EXPECT_TRUE(p->allowed({IdentityKind::basic, "ops"}, repository, "a").empty());
}

TEST(Policy, PackagesAndRepositoriesAreApart) {
    const auto p =
        policy(R"({"who": ["alice"], "packages": ["beta-*"], "actions": ["pull", "administer"]})");
    EXPECT_EQ(p->allowed(alice, package, "beta-x"), Action::pull | Action::administer);
    EXPECT_TRUE(p->allowed(alice, package, "kafka").empty());
    EXPECT_TRUE(p->allowed(alice, repository, "beta-x").empty());
    EXPECT_TRUE(p->allowed_somewhere(alice, package, Action::administer));
    EXPECT_FALSE(p->allowed_somewhere(alice, repository, Action::pull));
    EXPECT_FALSE(p->allowed_everywhere(alice, package, Action::pull));
}

TEST(Policy, CatalogIsOpenWhereSomethingMayBeListed) {
    const auto p = policy(rule(R"("alice")", R"("a/b")", R"("list")") + "," +
                          rule(R"("bob")", R"("**")", R"("pull")"));
    EXPECT_TRUE(p->allowed(alice, ResourceKind::catalog, "catalog").has(Action::list));
    EXPECT_FALSE(p->allowed(bob, ResourceKind::catalog, "catalog").has(Action::list));
}

TEST(Policy, PrefixesCoverWhatIsAllowed) {
    const auto p = policy(
        rule(R"("alice")", R"("team/**", "team/x", "lib*/a", "exact", "hidden/**")", R"("list")") +
        "," + rule(R"("alice")", R"("hidden/**")", "") + "," +
        rule(R"("alice")", R"("other/**")", R"("pull")"));
    EXPECT_EQ(p->prefixes(alice, repository, Action::list),
              (std::vector<std::string>{"exact", "lib", "team/"}));
}

TEST(Policy, ManyThreadsMayAsk) {
    const auto p = policy(rule(R"("u*")", R"("a/**")", R"("pull")"));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&p, t] {
            for (int i = 0; i < 3000; ++i) {
                const Identity who{IdentityKind::basic, (i % 2 ? "u" : "v") + std::to_string(i)};
                ASSERT_EQ(p->allowed(who, repository, "a/b").has(Action::pull), i % 2 == 1) << t;
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}

// The same by a plain reading.

/// Straight from the definition, slowly.
bool plain_fits(std::vector<std::string> pattern, std::vector<std::string> name) {
    if (pattern.empty()) return name.empty();
    const std::string first = pattern.front();
    pattern.erase(pattern.begin());
    if (first == "**") {
        if (pattern.empty()) return !name.empty();
        while (true) {
            if (plain_fits(pattern, name)) return true;
            if (name.empty()) return false;
            name.erase(name.begin());
        }
    }
    if (name.empty() || !fits_wildcard(first, name.front())) return false;
    name.erase(name.begin());
    return plain_fits(pattern, name);
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        if (c == '/') {
            parts.emplace_back();
        } else {
            parts.back().push_back(c);
        }
    }
    return parts;
}

/// Greater than 0: `a` is the more exact one.
int plain_compare(const std::string& a, const std::string& b) {
    const auto as = split(a);
    const auto bs = split(b);
    const auto letters = [](const std::string& s) {
        return static_cast<int>(s.size()) - static_cast<int>(std::ranges::count(s, '*'));
    };
    const auto rank = [&](const std::string& s) {
        if (s == "**") return -1;
        return s.find('*') == s.npos ? 1000 : letters(s);
    };
    for (std::size_t i = 0; i < std::min(as.size(), bs.size()); ++i) {
        if (rank(as[i]) != rank(bs[i])) return rank(as[i]) - rank(bs[i]);
    }
    return static_cast<int>(as.size()) - static_cast<int>(bs.size());
}

bool plain_fits_who(const Selector& selector, const Identity& who) {
    switch (selector.type) {
        case Selector::Type::everyone: return true;
        case Selector::Type::authenticated: return who.kind != IdentityKind::anonymous;
        case Selector::Type::anonymous: return who.kind == IdentityKind::anonymous;
        case Selector::Type::group: return std::ranges::count(who.groups, selector.text) != 0;
        case Selector::Type::name: break;
    }
    if (who.kind == IdentityKind::anonymous) return false;
    if (selector.kind && *selector.kind != who.kind) return false;
    return fits_wildcard(selector.text, who.name);
}

ActionSet plain_allowed(const PolicyDocument& document, const Identity& who,
                        const std::string& name) {
    const std::string* best = nullptr;
    ActionSet actions;
    bool nothing = false;
    for (const PolicyRule& r : document.rules) {
        if (std::ranges::none_of(
                r.who, [&](const Selector& selector) { return plain_fits_who(selector, who); })) {
            continue;
        }
        for (const std::string& pattern : r.patterns) {
            if (!plain_fits(split(pattern), split(name))) continue;
            const int order = best ? plain_compare(pattern, *best) : 1;
            if (order < 0) continue;
            if (order > 0) {
                best = &pattern;
                actions = {};
                nothing = false;
            }
            actions = actions | r.actions;
            nothing = nothing || r.actions.empty();
        }
    }
    return nothing ? ActionSet() : actions;
}

class Chance {
 public:
    explicit Chance(unsigned seed) : random_(seed) {}
    std::size_t below(std::size_t n) { return random_() % n; }
    template <std::size_t N>
    std::string one_of(const char* const (&texts)[N]) {
        return texts[below(N)];
    }
    std::string pattern() {
        std::string text;
        const std::size_t n = 1 + below(4);
        std::string last;
        for (std::size_t i = 0; i < n; ++i) {
            std::string component =
                one_of({"a", "b", "ab", "*", "a*", "*b", "a*b", "*a*", "**", "**"});
            if (component == "**" && last == "**") component = "a";
            text.append(i == 0 ? "" : "/").append(component);
            last = component;
        }
        return text;
    }
    std::string name() {
        std::string text;
        const std::size_t n = 1 + below(5);
        for (std::size_t i = 0; i < n; ++i) {
            text.append(i == 0 ? "" : "/").append(one_of({"a", "b", "ab", "ba", "aab", "c"}));
        }
        return text;
    }
    std::string rule() {
        std::string actions;
        for (const char* const action : {"\"pull\"", "\"push\"", "\"delete\"", "\"list\""}) {
            if (below(3) != 0) continue;
            actions.append(actions.empty() ? "" : ",").append(action);
        }
        const std::string who =
            one_of({"\"everyone\"", "\"authenticated\"", "\"anonymous\"", "\"alice\"", "\"a*\"",
                    "\"basic:alice\"", "\"token:*\"", "\"group:g\"", "\"bob\",\"group:g\""});
        std::string patterns = "\"" + pattern() + "\"";
        if (below(3) == 0) patterns += ",\"" + pattern() + "\"";
        return access::rule(who, patterns, actions);
    }

 private:
    std::mt19937 random_;
};

TEST(Policy, AgreesWithAPlainReadingOfItsRules) {
    const Identity identities[] = {
        nobody, alice, bob, {IdentityKind::token, "alice"}, {IdentityKind::embedder, "x", {"g"}}};
    std::size_t allowed = 0;
    for (unsigned seed = 0; seed < 3000; ++seed) {
        Chance chance(seed);
        std::string rules;
        const std::size_t n = 1 + chance.below(seed % 10 == 0 ? 60 : 12);
        for (std::size_t i = 0; i < n; ++i) rules.append(i == 0 ? "" : ",").append(chance.rule());
        const std::string text = "{\"rules\": [" + rules + "]}";
        const PolicyDocument document = parse_policy_document(text, "test");
        const auto compiled = Policy::parse(text, "test");
        for (int i = 0; i < 20; ++i) {
            const std::string name = chance.name();
            for (const Identity& who : identities) {
                const ActionSet expected = plain_allowed(document, who, name);
                const ActionSet found = compiled->allowed(who, repository, name);
                ASSERT_EQ(found, expected) << text << "\n" << who.name << " in " << name;
                ASSERT_EQ(compiled->allowed(who, repository, name), expected) << "once more";
                allowed += !expected.empty();
                for (const Action action :
                     {Action::pull, Action::push, Action::delete_, Action::list}) {
                    if (compiled->allowed_everywhere(who, repository, action)) {
                        ASSERT_TRUE(found.has(action)) << text << "\n" << who.name << " " << name;
                    }
                    if (!found.has(action)) continue;
                    ASSERT_TRUE(compiled->allowed_somewhere(who, repository, action));
                    const auto prefixes = compiled->prefixes(who, repository, action);
                    ASSERT_TRUE(std::ranges::any_of(
                        prefixes,
                        [&](const std::string& prefix) { return name.starts_with(prefix); }))
                        << text << "\n"
                        << name;
                }
            }
        }
    }
    EXPECT_GT(allowed, 10000u);  // else the test said little
}

}  // namespace
}  // namespace pkgreg::access
