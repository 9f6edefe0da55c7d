#include "access/rights.hpp"

namespace pkgreg::access {
namespace {

constexpr std::string_view every_package = "*";

/// What a grant allows that for a name. The one for the catalog lets its holder see in any list
/// what the policy shows him, since no other scope speaks of lists.
ActionSet granted(const Grant& grant, ResourceKind kind, std::string_view name) {
    if (grant.kind == ResourceKind::catalog) return Action::list;
    if (grant.kind != kind) return {};
    const bool same =
        grant.name == name || (kind == ResourceKind::package && grant.name == every_package);
    return same ? grant.actions : ActionSet();
}

}  // namespace

ActionSet Rights::by_policy(ResourceKind kind, std::string_view name) const {
    if (policy_) return policy_->allowed(caller_->identity, kind, name);
    return is_known() ? ActionSet::all() : ActionSet();
}

ActionSet Rights::by_grants(ResourceKind kind, std::string_view name) const {
    if (!caller_->grants) return ActionSet::all();
    ActionSet actions;
    for (const Grant& grant : *caller_->grants) actions = actions | granted(grant, kind, name);
    return actions;
}

bool Rights::may(ActionSet actions, ResourceKind kind, std::string_view name) const {
    if (!limited()) return true;
    if (anonymous_pull_ && actions == ActionSet(Action::pull)) return true;
    const ActionSet grants = by_grants(kind, name);
    if (anonymous_pull_) return ((by_policy(kind, name) & grants) | Action::pull).has(actions);
    return grants.has(actions) && by_policy(kind, name).has(actions);
}

bool Rights::policy_somewhere(Action action, ResourceKind kind) const {
    if (policy_) return policy_->allowed_somewhere(caller_->identity, kind, action);
    return is_known();
}

bool Rights::grants_somewhere(Action action, ResourceKind kind) const {
    if (!caller_->grants) return true;
    for (const Grant& grant : *caller_->grants) {
        if (granted(grant, kind, grant.name).has(action)) return true;
    }
    return false;
}

bool Rights::may_somewhere(Action action, ResourceKind kind) const {
    if (!limited() || (anonymous_pull_ && action == Action::pull)) return true;
    return grants_somewhere(action, kind) && policy_somewhere(action, kind);
}

bool Rights::may_everywhere(Action action, ResourceKind kind) const {
    if (!limited() || (anonymous_pull_ && action == Action::pull)) return true;
    // No package is called `*`, and no repository has an empty name: only grants for all are left.
    const std::string_view all = kind == ResourceKind::package ? every_package : std::string_view();
    if (caller_->grants && !by_grants(kind, all).has(action)) return false;
    if (policy_) return policy_->allowed_everywhere(caller_->identity, kind, action);
    return is_known();
}

std::vector<std::string> Rights::prefixes(Action action, ResourceKind kind) const {
    const bool all = !policy_ || (anonymous_pull_ && action == Action::pull);
    if (all) return {std::string()};
    return policy_->prefixes(caller_->identity, kind, action);
}

bool Rights::lacks_grant(ActionSet actions, ResourceKind kind, std::string_view name) const {
    return limited() && !by_grants(kind, name).has(actions) && by_policy(kind, name).has(actions);
}

bool Rights::lacks_grant_anywhere(Action action, ResourceKind kind) const {
    return limited() && !grants_somewhere(action, kind) && policy_somewhere(action, kind);
}

}  // namespace pkgreg::access
