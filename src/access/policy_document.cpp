#include "access/policy_document.hpp"

#include "access/pattern.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/problems.hpp"

#include <initializer_list>
#include <span>
#include <utility>

namespace pkgreg::access {
namespace {

struct ActionWord {
    std::string_view word;
    Action action;
};

constexpr ActionWord repository_actions[] = {{"pull", Action::pull},
                                             {"push", Action::push},
                                             {"delete", Action::delete_},
                                             {"list", Action::list}};
constexpr ActionWord package_actions[] = {
    {"pull", Action::pull}, {"list", Action::list}, {"administer", Action::administer}};

struct KindWord {
    std::string_view word;
    IdentityKind kind;
};

constexpr KindWord kinds[] = {{"basic", IdentityKind::basic},
                              {"token", IdentityKind::token},
                              {"dcos", IdentityKind::dcos},
                              {"certificate", IdentityKind::certificate},
                              {"embedder", IdentityKind::embedder}};

/// Text of the file in a message, cut where it is long.
std::string shown(std::string_view text) {
    return json_string(text.substr(0, 100));
}

std::string item_path(const std::string& path, std::size_t i) {
    return path + "[" + std::to_string(i) + "]";
}

class Reader {
 public:
    explicit Reader(std::string_view source) : problems_(source) {}

    PolicyDocument read(const JsonValue& root) {
        PolicyDocument document;
        if (!is(root, JsonValue::Type::object, "the policy", "an object, { \"rules\": [ … ] }")) {
            problems_.throw_if_any();
        }
        refuse_unknown(root, "", {"groups", "rules"});
        if (const JsonMember* groups = find(root, "groups")) read_groups(*groups, document);
        const JsonMember* rules = find(root, "rules");
        if (!rules) {
            problems_.add(root.line, "rules",
                          "must be given; an empty list lets nobody do anything");
        } else if (is(rules->value, JsonValue::Type::array, "rules", "a list of rules")) {
            for (std::size_t i = 0; i < rules->value.items.size(); ++i) {
                read_rule(rules->value.items[i], item_path("rules", i), document);
            }
        }
        problems_.throw_if_any();
        return document;
    }

 private:
    static const JsonMember* find(const JsonValue& object, std::string_view name) {
        for (const JsonMember& member : object.members) {
            if (member.name == name) return &member;
        }
        return nullptr;
    }

    bool is(const JsonValue& value, JsonValue::Type type, const std::string& path,
            std::string_view wanted) {
        if (value.type == type) return true;
        problems_.add(value.line, path,
                      "must be " + std::string(wanted) + ", not " + value.describe());
        return false;
    }

    void refuse_unknown(const JsonValue& object, const std::string& path,
                        std::initializer_list<std::string_view> known) {
        for (const JsonMember& member : object.members) {
            bool found = false;
            std::string names;
            for (const std::string_view name : known) {
                found = found || member.name == name;
                names.append(names.empty() ? "" : ", ").append(name);
            }
            if (found) continue;
            problems_.add(member.line, path.empty() ? "the policy" : path,
                          "has an unknown member " + shown(member.name) + "; known here: " + names);
        }
    }

    void read_groups(const JsonMember& groups, PolicyDocument& document) {
        if (!is(groups.value, JsonValue::Type::object, "groups",
                "an object with a list of members for each group")) {
            return;
        }
        for (const JsonMember& member : groups.value.members) {
            const std::string path = "groups." + shown(member.name);
            PolicyGroup group{member.name, {}};
            if (member.name.empty()) problems_.add(member.line, path, "a group needs a name");
            if (!is(member.value, JsonValue::Type::array, path, "a list of names")) continue;
            for (std::size_t i = 0; i < member.value.items.size(); ++i) {
                const JsonValue& item = member.value.items[i];
                auto selector = read_selector(item, item_path(path, i));
                if (!selector) continue;
                if (selector->type != Selector::Type::name) {
                    problems_.add(item.line, item_path(path, i),
                                  shown(item.text) +
                                      " cannot be in a group; a group has names, and a rule's "
                                      "\"who\" has all else");
                    continue;
                }
                group.members.push_back(*std::move(selector));
            }
            document.groups.push_back(std::move(group));
        }
    }

    void read_rule(const JsonValue& value, const std::string& path, PolicyDocument& document) {
        if (!is(value, JsonValue::Type::object, path, "an object")) return;
        refuse_unknown(value, path, {"who", "repositories", "packages", "actions"});
        PolicyRule rule;
        read_who(value, path, rule);
        read_resources(value, path, rule);
        read_actions(value, path, rule);
        document.rules.push_back(std::move(rule));
    }

    /// The items of a list that must be there; null, and a problem, where it is not.
    const std::vector<JsonValue>* list_of(const JsonValue& rule, const std::string& path,
                                          std::string_view name, std::string_view wanted) {
        const JsonMember* member = find(rule, name);
        const std::string member_path = path + "." + std::string(name);
        if (!member) {
            problems_.add(rule.line, member_path, "must be given: " + std::string(wanted));
            return nullptr;
        }
        if (!is(member->value, JsonValue::Type::array, member_path, wanted)) return nullptr;
        return &member->value.items;
    }

    void read_who(const JsonValue& value, const std::string& path, PolicyRule& rule) {
        const auto* items = list_of(value, path, "who", "a list of names and groups");
        if (!items) return;
        if (items->empty()) {
            problems_.add(value.line, path + ".who",
                          "is empty; name at least one, or \"everyone\"");
        }
        for (std::size_t i = 0; i < items->size(); ++i) {
            auto selector = read_selector((*items)[i], item_path(path + ".who", i));
            if (selector) rule.who.push_back(*std::move(selector));
        }
    }

    void read_resources(const JsonValue& value, const std::string& path, PolicyRule& rule) {
        const bool repositories = find(value, "repositories") != nullptr;
        const bool packages = find(value, "packages") != nullptr;
        if (repositories == packages) {
            problems_.add(value.line, path,
                          repositories ? "has both \"repositories\" and \"packages\"; write a rule "
                                         "for each, since their actions differ"
                                       : "must have \"repositories\" or \"packages\"");
            return;
        }
        rule.kind = packages ? ResourceKind::package : ResourceKind::repository;
        const std::string name = packages ? "packages" : "repositories";
        const auto* items = list_of(value, path, name, "a list of patterns");
        if (!items) return;
        if (items->empty()) {
            problems_.add(
                value.line, path + "." + name,
                std::string("is empty; ") + (packages ? "\"*\"" : "\"**\"") + " is everything");
        }
        for (std::size_t i = 0; i < items->size(); ++i) {
            const JsonValue& item = (*items)[i];
            const std::string place = item_path(path + "." + name, i);
            if (!is(item, JsonValue::Type::string, place, "a pattern in quotes")) continue;
            if (const auto problem = Pattern::problem_of(item.text, rule.kind)) {
                problems_.add(item.line, place, shown(item.text) + " " + *problem);
                continue;
            }
            rule.patterns.push_back(item.text);
        }
    }

    void read_actions(const JsonValue& value, const std::string& path, PolicyRule& rule) {
        const auto* items = list_of(value, path, "actions", "a list; an empty one allows nothing");
        if (!items) return;
        const std::span<const ActionWord> words =
            rule.kind == ResourceKind::package ? std::span<const ActionWord>(package_actions)
                                               : std::span<const ActionWord>(repository_actions);
        for (std::size_t i = 0; i < items->size(); ++i) {
            const JsonValue& item = (*items)[i];
            const std::string place = item_path(path + ".actions", i);
            if (!is(item, JsonValue::Type::string, place, "an action in quotes")) continue;
            bool found = false;
            std::string known;
            for (const ActionWord& word : words) {
                known.append(known.empty() ? "" : ", ").append(word.word);
                if (item.text != word.word) continue;
                rule.actions = rule.actions | word.action;
                found = true;
            }
            if (found) continue;
            problems_.add(item.line, place,
                          shown(item.text) + " is no action of " +
                              (rule.kind == ResourceKind::package ? "packages" : "repositories") +
                              "; there are " + known);
        }
    }

    std::optional<Selector> read_selector(const JsonValue& item, const std::string& place) {
        if (!is(item, JsonValue::Type::string, place, "a name in quotes")) return std::nullopt;
        const std::string& text = item.text;
        if (text == "everyone") return Selector{Selector::Type::everyone};
        if (text == "authenticated") return Selector{Selector::Type::authenticated};
        if (text == "anonymous") return Selector{Selector::Type::anonymous};
        const std::size_t colon = text.find(':');
        Selector selector;
        selector.text = colon == text.npos ? text : text.substr(colon + 1);
        if (colon != text.npos && !read_prefix(text.substr(0, colon), selector)) {
            problems_.add(item.line, place,
                          shown(text) +
                              " begins with an unknown kind; there are group:, basic:, token:, "
                              "dcos:, certificate: and embedder:, and name: in front of a name "
                              "that holds a colon");
            return std::nullopt;
        }
        if (selector.text.empty()) {
            problems_.add(item.line, place, shown(text) + " names nobody");
            return std::nullopt;
        }
        return selector;
    }

    static bool read_prefix(std::string_view prefix, Selector& selector) {
        if (prefix == "name") return true;
        if (prefix == "group") {
            selector.type = Selector::Type::group;
            return true;
        }
        for (const KindWord& word : kinds) {
            if (prefix != word.word) continue;
            selector.kind = word.kind;
            return true;
        }
        return false;
    }

    Problems problems_;
};

}  // namespace

PolicyDocument parse_policy_document(std::string_view json, std::string_view source) {
    const JsonValue root = parse_json(json, source);
    return Reader(source).read(root);
}

}  // namespace pkgreg::access
