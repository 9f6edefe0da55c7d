// Selectors: which of many lists of names an identity is in, without asking each of them.
#pragma once

#include "access/policy_document.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pkgreg::access {

/// Selectors, each with a number of the caller's choice. Not changed once it is shared.
class Selectors {
 public:
    void add(const Selector& selector, std::uint32_t number);

    /// Appends the numbers of the selectors that fit; one may come several times.
    /// @param groups all groups of the identity
    void find(const Identity& identity, const std::vector<std::string_view>& groups,
              std::vector<std::uint32_t>& numbers) const;

 private:
    using Numbers = std::vector<std::uint32_t>;
    struct Wildcard {
        Selector selector;
        std::uint32_t number;
    };

    static std::string key_of(IdentityKind kind, std::string_view name);

    Numbers everyone_;
    Numbers authenticated_;
    Numbers anonymous_;
    std::unordered_map<std::string, Numbers> groups_;
    /// By kind and name; those of any kind by `anonymous`, which has no names itself.
    std::unordered_map<std::string, Numbers> names_;
    std::vector<Wildcard> wildcards_;
};

}  // namespace pkgreg::access
