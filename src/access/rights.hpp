// Rights: what the caller of one request may do, by the policy, by what his token grants, and by
// what everybody may do. Knows of no request; the protocols ask it.
#pragma once

#include "access/caller.hpp"
#include "access/policy.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

/// A value; any thread may ask.
class Rights {
 public:
    /// There is no access control: everything.
    Rights() = default;
    /// @param caller         not null
    /// @param policy         null: none
    /// @param anonymous_pull everybody may pull everything
    Rights(CallerPtr caller, std::shared_ptr<const Policy> policy, bool anonymous_pull) noexcept
        : caller_(std::move(caller)), policy_(std::move(policy)), anonymous_pull_(anonymous_pull) {}

    /// Whether there is access control.
    bool limited() const noexcept { return caller_ != nullptr; }
    /// Null where there is no access control.
    const CallerPtr& caller() const noexcept { return caller_; }
    bool is_anonymous() const noexcept {
        return caller_ && caller_->identity.kind == IdentityKind::anonymous;
    }

    /// @param actions all of them
    /// @param name    as it is written; need not be a valid name
    bool may(ActionSet actions, ResourceKind kind, std::string_view name) const;
    /// Whether he may do that to anything of that kind.
    bool may_somewhere(Action action, ResourceKind kind) const;
    /// Whether he surely may do that to all of that kind, so that lists need no filter.
    bool may_everywhere(Action action, ResourceKind kind) const;
    /// See `Policy::prefixes`.
    std::vector<std::string> prefixes(Action action, ResourceKind kind) const;

    /// Whether a token that grants more would do.
    bool lacks_grant(ActionSet actions, ResourceKind kind, std::string_view name) const;
    bool lacks_grant_anywhere(Action action, ResourceKind kind) const;

 private:
    bool is_known() const noexcept { return !is_anonymous() || caller_->outside; }
    ActionSet by_policy(ResourceKind kind, std::string_view name) const;
    ActionSet by_grants(ResourceKind kind, std::string_view name) const;
    bool policy_somewhere(Action action, ResourceKind kind) const;
    bool grants_somewhere(Action action, ResourceKind kind) const;

    CallerPtr caller_;
    std::shared_ptr<const Policy> policy_;
    bool anonymous_pull_ = false;
};

}  // namespace pkgreg::access
