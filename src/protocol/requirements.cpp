#include "protocol/requirements.hpp"

#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/names.hpp"

#include "protocol/requests.hpp"

#include <utility>

namespace pkgreg {
namespace {

using access::Action;
using access::ActionSet;
using access::ResourceKind;
using Kind = Requirement::Kind;

constexpr std::pair<Action, std::string_view> words[] = {{Action::pull, "pull"},
                                                         {Action::push, "push"},
                                                         {Action::delete_, "delete"},
                                                         {Action::list, "list"},
                                                         {Action::administer, "administer"}};

/// What can be no name protects nothing: whoever may ask anything is told so.
Requirement on_repository(std::string_view name, ActionSet actions) {
    if (!RepositoryName::is_valid(name)) return {Kind::visit};
    return {Kind::resource, ResourceKind::repository, std::string(name), actions};
}

Requirement on_package(std::string_view name, ActionSet actions) {
    if (!PackageName::is_valid(name)) return {Kind::visit};
    return {Kind::resource, ResourceKind::package, std::string(name), actions};
}

Requirement for_upload(const oci::Route& route, const Target& target) {
    Requirement need = on_repository(route.name, Action::push);
    const auto from = target.query("from");
    if (target.query("mount") && from && RepositoryName::is_valid(*from)) need.from = *from;
    return need;
}

/// Methods that an endpoint does not take are answered 405, to whom may pull there.
Action action_on_content(HttpMethod method, bool is_manifest) noexcept {
    if (method == HttpMethod::delete_) return Action::delete_;
    if (method == HttpMethod::put && is_manifest) return Action::push;
    return Action::pull;
}

}  // namespace

Requirement requirement_of(const oci::Route& route, HttpMethod method, const Target& target) {
    switch (route.endpoint) {
        case oci::Endpoint::none: return {Kind::nothing};
        case oci::Endpoint::base: return {Kind::visit};
        case oci::Endpoint::catalog:
            return {Kind::resource, ResourceKind::catalog, "catalog", Action::list};
        case oci::Endpoint::uploads: return for_upload(route, target);
        case oci::Endpoint::upload: return on_repository(route.name, Action::push);
        case oci::Endpoint::manifest:
            return on_repository(route.name, action_on_content(method, true));
        case oci::Endpoint::blob:
        case oci::Endpoint::repository:
            return on_repository(route.name, action_on_content(method, false));
        case oci::Endpoint::tags:
        case oci::Endpoint::referrers: return on_repository(route.name, Action::pull);
    }
    return {Kind::visit};
}

Requirement requirement_of(const dcos::Route& route, HttpMethod method) {
    const auto somewhere = [](Action action) {
        return Requirement{Kind::somewhere, ResourceKind::package, {}, action};
    };
    switch (route.endpoint) {
        case dcos::Endpoint::none: return {Kind::nothing};
        case dcos::Endpoint::root: return {Kind::anyone};
        case dcos::Endpoint::repository: return somewhere(Action::pull);
        case dcos::Endpoint::package: return on_package(route.package, Action::pull);
        case dcos::Endpoint::resource: {
            const auto coordinate = PackageCoordinate::try_decode(route.package);
            return on_package(coordinate ? coordinate->name().str() : std::string(), Action::pull);
        }
        case dcos::Endpoint::packages:
            return somewhere(method == HttpMethod::post ? Action::administer : Action::list);
        case dcos::Endpoint::version:
            return on_package(route.package,
                              method == HttpMethod::delete_ ? Action::administer : Action::pull);
        case dcos::Endpoint::universe: return somewhere(Action::administer);
    }
    return {Kind::visit};
}

std::string words_for(ActionSet actions) {
    std::string text;
    for (const auto& [action, word] : words) {
        if (!actions.has(action)) continue;
        text.append(text.empty() ? "" : " or ").append(word);
    }
    return text;
}

std::string scope_of(ResourceKind kind, std::string_view name, ActionSet actions) {
    // Lists have no scope of their own but that of the catalog.
    if (kind == ResourceKind::catalog || actions.has(Action::list)) return "registry:catalog:*";
    std::string scope = kind == ResourceKind::package ? "package:" : "repository:";
    scope.append(name).push_back(':');
    // Who pushes looks first whether it is there, with the same token.
    if (actions.has(Action::push)) actions = actions | Action::pull;
    bool first = true;
    for (const auto& [action, word] : words) {
        if (!actions.has(action)) continue;
        scope.append(std::exchange(first, false) ? "" : ",").append(word);
    }
    return scope;
}

std::string Requirement::scope() const {
    if (kind == Kind::somewhere) return scope_of(resource, "*", actions);
    if (kind != Kind::resource) return {};
    std::string text = scope_of(resource, name, actions);
    if (!from.empty()) text.append(" ").append(scope_of(resource, from, Action::pull));
    return text;
}

}  // namespace pkgreg
