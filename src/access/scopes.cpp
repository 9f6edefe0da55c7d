#include "access/scopes.hpp"

#include "pkgreg/error.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"

#include <array>

namespace pkgreg::access {
namespace {

struct NamedAction {
    std::string_view name;
    ActionSet actions;
};

/// Which actions there are for a resource; the first entry is what `*` means.
std::span<const NamedAction> actions_of(ResourceKind kind) noexcept {
    static constexpr std::array repository = {
        NamedAction{"*", Action::pull | Action::push | Action::delete_},
        NamedAction{"pull", Action::pull},
        NamedAction{"push", Action::push},
        NamedAction{"delete", Action::delete_},
    };
    static constexpr std::array package = {
        NamedAction{"*", Action::pull | Action::administer},
        NamedAction{"pull", Action::pull},
        NamedAction{"administer", Action::administer},
    };
    static constexpr std::array catalog = {NamedAction{"*", Action::list}};
    switch (kind) {
        case ResourceKind::repository: return repository;
        case ResourceKind::package: return package;
        case ResourceKind::catalog: return catalog;
    }
    return {};
}

ActionSet action_of(ResourceKind kind, std::string_view name) noexcept {
    for (const NamedAction& action : actions_of(kind)) {
        if (action.name == name) return action.actions;
    }
    return {};
}

std::optional<ResourceKind> kind_of(std::string_view type, std::string_view name) noexcept {
    // A class, as in `repository(plugin)`, says what the repository is for.
    type = type.substr(0, type.find('('));
    if (type == "repository") return ResourceKind::repository;
    if (type == "package") return ResourceKind::package;
    if (type == "registry" && name == "catalog") return ResourceKind::catalog;
    return std::nullopt;
}

std::string_view type_of(ResourceKind kind) noexcept {
    switch (kind) {
        case ResourceKind::repository: return "repository";
        case ResourceKind::package: return "package";
        case ResourceKind::catalog: return "registry";
    }
    return "";
}

/// Calls `use` with the name of each action of a grant.
template <class Use>
void for_each_action(const Grant& grant, const Use& use) {
    if (grant.kind == ResourceKind::catalog) return use("*");
    for (const NamedAction& action : actions_of(grant.kind).subspan(1)) {
        if (grant.actions.has(action.actions)) use(action.name);
    }
}

[[noreturn]] void refuse_access(std::string_view problem) {
    throw Error(ErrorCode::unauthorized, "the token's claim access " + std::string(problem));
}

const std::string& text_member(const JsonValue& entry, std::string_view name) {
    const JsonValue* const value = entry.find(name);
    if (value == nullptr || value->type != JsonValue::Type::string) {
        refuse_access("has an entry without a text as its " + std::string(name));
    }
    return value->text;
}

}  // namespace

std::optional<Grant> parse_scope(std::string_view text) {
    // A name may hold colons, a port for instance: type and actions are what is outside of it.
    const std::size_t first = text.find(':');
    const std::size_t last = text.rfind(':');
    if (first == text.npos || first == last) return std::nullopt;
    const std::string_view name = text.substr(first + 1, last - first - 1);
    const auto kind = kind_of(text.substr(0, first), name);
    if (!kind || name.empty()) return std::nullopt;
    Grant grant{*kind, std::string(name), {}};
    std::string_view rest = text.substr(last + 1);
    while (!rest.empty()) {
        const std::size_t comma = rest.find(',');
        grant.actions = grant.actions | action_of(*kind, rest.substr(0, comma));
        rest.remove_prefix(comma == rest.npos ? rest.size() : comma + 1);
    }
    if (grant.actions.empty()) return std::nullopt;
    return grant;
}

std::vector<Grant> parse_access(const JsonValue& claim) {
    std::vector<Grant> grants;
    // What Go makes of a list without entries.
    if (claim.type == JsonValue::Type::null) return grants;
    if (claim.type != JsonValue::Type::array)
        refuse_access("is " + claim.describe() + ", not an array");
    for (const JsonValue& entry : claim.items) {
        if (entry.type != JsonValue::Type::object) refuse_access("has an entry that is no object");
        const std::string& name = text_member(entry, "name");
        const auto kind = kind_of(text_member(entry, "type"), name);
        const JsonValue* const actions = entry.find("actions");
        if (actions == nullptr || actions->type == JsonValue::Type::null) continue;
        if (actions->type != JsonValue::Type::array) refuse_access("has actions that are no array");
        Grant grant{kind.value_or(ResourceKind::repository), name, {}};
        for (const JsonValue& action : actions->items) {
            if (action.type != JsonValue::Type::string)
                refuse_access("has an action that is no text");
            grant.actions = grant.actions | action_of(grant.kind, action.text);
        }
        if (kind && !grant.actions.empty()) grants.push_back(std::move(grant));
    }
    return grants;
}

std::string access_json(std::span<const Grant> grants) {
    std::string text = "[";
    for (const Grant& grant : grants) {
        if (text.size() > 1) text += ',';
        text.append(R"({"type":")").append(type_of(grant.kind)).append(R"(","name":)");
        append_json_string(text, grant.name);
        text += ",\"actions\":[";
        bool first = true;
        for_each_action(grant, [&](std::string_view action) {
            if (!first) text += ',';
            first = false;
            text.append("\"").append(action).append("\"");
        });
        text += "]}";
    }
    return text + "]";
}

std::string scope_text(std::span<const Grant> grants) {
    std::string text;
    for (const Grant& grant : grants) {
        if (!text.empty()) text += ' ';
        text.append(type_of(grant.kind)).append(":").append(grant.name).append(":");
        for_each_action(grant, [&](std::string_view action) {
            if (text.back() != ':') text += ',';
            text.append(action);
        });
    }
    return text;
}

}  // namespace pkgreg::access
