// A policy file as it is written: groups and rules, checked, in the file's order. What they mean
// together is policy.cpp's.
#pragma once

#include "access/caller.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

/// Whom a rule, or a group, is about.
struct Selector {
    enum class Type : std::uint8_t { everyone, authenticated, anonymous, group, name };
    Type type = Type::name;
    /// Of a name: the way in which it must have been proved; nothing: any.
    std::optional<IdentityKind> kind = {};
    /// A group's name, or a name in which each `*` is any run of characters.
    std::string text = {};
};

struct PolicyGroup {
    std::string name;
    std::vector<Selector> members;
};

struct PolicyRule {
    std::vector<Selector> who;
    /// `repository` or `package`: what the patterns are of.
    ResourceKind kind = ResourceKind::repository;
    std::vector<std::string> patterns;
    /// None: whom the rule fits may do nothing there.
    ActionSet actions;
};

struct PolicyDocument {
    std::vector<PolicyGroup> groups;
    std::vector<PolicyRule> rules;
};

/// Throws `invalid_options` with a line for each problem, see `Policy::parse`.
PolicyDocument parse_policy_document(std::string_view json, std::string_view source);

}  // namespace pkgreg::access
