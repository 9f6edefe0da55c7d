// Caller: who asks, as far as it was proved, and what the proof itself allows.
#pragma once

#include "pkgreg/access.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pkgreg::access {

/// What can be done to a repository or a package.
enum class Action : std::uint8_t {
    pull = 1,        ///< read content, tags, referrers; a package's document and resources
    push = 2,        ///< write blobs, manifests and tags
    delete_ = 4,     ///< remove blobs, manifests, tags, the repository
    list = 8,        ///< see that it is there: the catalog, the list of packages
    administer = 16  ///< add, replace, remove a package
};

class ActionSet {
 public:
    constexpr ActionSet() noexcept = default;
    constexpr ActionSet(Action action) noexcept : bits_(static_cast<std::uint8_t>(action)) {}
    static constexpr ActionSet all() noexcept { return ActionSet(std::uint8_t{31}); }

    constexpr bool has(ActionSet wanted) const noexcept {
        return (bits_ & wanted.bits_) == wanted.bits_;
    }
    constexpr bool empty() const noexcept { return bits_ == 0; }
    friend constexpr ActionSet operator|(ActionSet a, ActionSet b) noexcept {
        return ActionSet(static_cast<std::uint8_t>(a.bits_ | b.bits_));
    }
    friend constexpr ActionSet operator&(ActionSet a, ActionSet b) noexcept {
        return ActionSet(static_cast<std::uint8_t>(a.bits_ & b.bits_));
    }
    friend constexpr bool operator==(ActionSet, ActionSet) noexcept = default;

 private:
    constexpr explicit ActionSet(std::uint8_t bits) noexcept : bits_(bits) {}
    std::uint8_t bits_ = 0;
};

constexpr ActionSet operator|(Action a, Action b) noexcept {
    return ActionSet(a) | ActionSet(b);
}

/// What something is done to.
enum class ResourceKind : std::uint8_t {
    repository,
    package,
    catalog,  ///< the list of all repositories; a token's `registry:catalog:*`
};

/// One entry of a token's claim `access`. Its type is `repository`, `package` or `registry` (whose
/// name is `catalog`); a name is taken as it stands, `*` alone is every name of a package.
struct Grant {
    ResourceKind kind = ResourceKind::repository;
    std::string name;
    ActionSet actions;

    friend bool operator==(const Grant&, const Grant&) = default;
};

/// Shared between requests that bring the same proof; never changed once it is shared.
struct Caller {
    Identity identity;
    /// What a token says its holder may do; the policy must allow it as well where there is one.
    /// Nothing: the proof sets no limit.
    std::optional<std::vector<Grant>> grants;
    /// The grants are those of an outside issuer: without a policy they alone decide.
    bool outside = false;
};

using CallerPtr = std::shared_ptr<const Caller>;

}  // namespace pkgreg::access
