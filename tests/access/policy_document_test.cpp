// The policy file's form: what is read, and how every mistake is told.

#include "access/policy_document.hpp"

#include "pkgreg/error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace pkgreg::access {
namespace {

std::string problems_of(std::string_view json) {
    try {
        parse_policy_document(json, "p.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        return error.message();
    }
    return "";
}

TEST(PolicyDocument, IsReadInOrder) {
    const PolicyDocument document = parse_policy_document(R"({
        "groups": {"builders": ["alice", "ci-*", "basic:bob", "name:a:b"]},
        "rules": [
            {"who": ["group:builders", "everyone"], "repositories": ["library/**", "x"],
             "actions": ["pull", "push", "delete", "list"]},
            {"who": ["dcos:agent", "authenticated", "anonymous"], "packages": ["*"],
             "actions": []}
        ]})",
                                                          "p.json");
    ASSERT_EQ(document.groups.size(), 1u);
    EXPECT_EQ(document.groups[0].name, "builders");
    ASSERT_EQ(document.groups[0].members.size(), 4u);
    EXPECT_EQ(document.groups[0].members[2].kind, IdentityKind::basic);
    EXPECT_EQ(document.groups[0].members[2].text, "bob");
    EXPECT_EQ(document.groups[0].members[3].kind, std::nullopt);
    EXPECT_EQ(document.groups[0].members[3].text, "a:b");
    ASSERT_EQ(document.rules.size(), 2u);
    EXPECT_EQ(document.rules[0].kind, ResourceKind::repository);
    EXPECT_EQ(document.rules[0].patterns, (std::vector<std::string>{"library/**", "x"}));
    EXPECT_EQ(document.rules[0].actions,
              Action::pull | Action::push | Action::delete_ | Action::list);
    EXPECT_EQ(document.rules[0].who[0].type, Selector::Type::group);
    EXPECT_EQ(document.rules[0].who[1].type, Selector::Type::everyone);
    EXPECT_EQ(document.rules[1].kind, ResourceKind::package);
    EXPECT_TRUE(document.rules[1].actions.empty());
    EXPECT_EQ(document.rules[1].who[0].kind, IdentityKind::dcos);
    EXPECT_EQ(document.rules[1].who[1].type, Selector::Type::authenticated);
    EXPECT_EQ(document.rules[1].who[2].type, Selector::Type::anonymous);
}

TEST(PolicyDocument, MayBeEmpty) {
    EXPECT_EQ(problems_of(R"({"rules": []})"), "");
    EXPECT_EQ(problems_of(R"({"groups": {}, "rules": []})"), "");
}

struct Mistake {
    std::string_view json;
    std::string_view told;  ///< the message begins with it
};

TEST(PolicyDocument, EveryMistakeIsToldWithItsPlace) {
    const Mistake mistakes[] = {
        {"", "p.json:1: the document is empty"},
        {"{", "p.json:1: "},
        {"[]", "p.json:1: the policy: must be an object"},
        {"{}", "p.json:1: rules: must be given"},
        {R"({"rules": {}})", "p.json:1: rules: must be a list of rules, not an object"},
        {R"({"rules": [], "rules": []})", "p.json:1: "},
        {"{\"rules\": [],\n\"rule\": 1}",
         "p.json:2: the policy: has an unknown member \"rule\"; known here: groups, rules"},
        {"{\"rules\": [\n1]}", "p.json:2: rules[0]: must be an object"},
        {R"({"rules": [{"who": ["a"], "repositories": ["**"], "actions": [], "x": 1}]})",
         "p.json:1: rules[0]: has an unknown member \"x\""},
        {R"({"rules": [{"repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who: must be given"},
        {R"({"rules": [{"who": "a", "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who: must be a list of names and groups"},
        {R"({"rules": [{"who": [], "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who: is empty"},
        {R"({"rules": [{"who": [1], "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who[0]: must be a name in quotes"},
        {R"({"rules": [{"who": ["ldap:a"], "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who[0]: \"ldap:a\" begins with an unknown kind"},
        {R"({"rules": [{"who": ["Basic:a"], "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who[0]: \"Basic:a\" begins with an unknown kind"},
        {R"({"rules": [{"who": [""], "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who[0]: \"\" names nobody"},
        {R"({"rules": [{"who": ["group:"], "repositories": ["**"], "actions": []}]})",
         "p.json:1: rules[0].who[0]: \"group:\" names nobody"},
        {R"({"rules": [{"who": ["a"], "actions": []}]})",
         "p.json:1: rules[0]: must have \"repositories\" or \"packages\""},
        {R"({"rules": [{"who": ["a"], "repositories": ["a"], "packages": ["a"], "actions": []}]})",
         "p.json:1: rules[0]: has both"},
        {R"({"rules": [{"who": ["a"], "repositories": [], "actions": []}]})",
         "p.json:1: rules[0].repositories: is empty"},
        {"{\"rules\": [{\"who\": [\"a\"], \"repositories\": [\n\"Library/**\"], \"actions\": []}]}",
         "p.json:2: rules[0].repositories[0]: \"Library/**\" fits no repository"},
        {R"({"rules": [{"who": ["a"], "packages": ["a/b"], "actions": []}]})",
         "p.json:1: rules[0].packages[0]: \"a/b\" fits no package"},
        {R"({"rules": [{"who": ["a"], "repositories": ["a"]}]})",
         "p.json:1: rules[0].actions: must be given"},
        {R"({"rules": [{"who": ["a"], "repositories": ["a"], "actions": ["read"]}]})",
         "p.json:1: rules[0].actions[0]: \"read\" is no action of repositories; there are pull, "
         "push, delete, list"},
        {R"({"rules": [{"who": ["a"], "repositories": ["a"], "actions": ["administer"]}]})",
         "p.json:1: rules[0].actions[0]: \"administer\" is no action of repositories"},
        {R"({"rules": [{"who": ["a"], "packages": ["aa"], "actions": ["push"]}]})",
         "p.json:1: rules[0].actions[0]: \"push\" is no action of packages"},
        {R"({"groups": [], "rules": []})", "p.json:1: groups: must be an object"},
        {R"({"groups": {"g": "a"}, "rules": []})", "p.json:1: groups.\"g\": must be a list"},
        {R"({"groups": {"": []}, "rules": []})", "p.json:1: groups.\"\": a group needs a name"},
        {R"({"groups": {"g": ["group:h"]}, "rules": []})",
         "p.json:1: groups.\"g\"[0]: \"group:h\" cannot be in a group"},
        {R"({"groups": {"g": ["everyone"]}, "rules": []})",
         "p.json:1: groups.\"g\"[0]: \"everyone\" cannot be in a group"},
    };
    for (const Mistake& mistake : mistakes) {
        EXPECT_TRUE(problems_of(mistake.json).starts_with(mistake.told))
            << mistake.json << "\n  " << problems_of(mistake.json);
    }
}

TEST(PolicyDocument, AllMistakesAreToldAtOnce) {
    EXPECT_EQ(problems_of("{\"rules\": [\n{\"who\": [\"x:y\"], \"repositories\": [\"A\"],\n"
                          "\"actions\": [\"eat\"]}]}")
                  .find("p.json:3: rules[0].actions[0]"),
              problems_of("{\"rules\": [\n{\"who\": [\"x:y\"], \"repositories\": [\"A\"],\n"
                          "\"actions\": [\"eat\"]}]}")
                      .rfind('\n') +
                  1);
}

}  // namespace
}  // namespace pkgreg::access
