#include "access/selectors.hpp"

#include "access/pattern.hpp"

namespace pkgreg::access {
namespace {

constexpr IdentityKind any_kind = IdentityKind::anonymous;

template <class Map>
void append_found(const Map& map, const std::string& key, std::vector<std::uint32_t>& numbers) {
    const auto found = map.find(key);
    if (found == map.end()) return;
    numbers.insert(numbers.end(), found->second.begin(), found->second.end());
}

}  // namespace

std::string Selectors::key_of(IdentityKind kind, std::string_view name) {
    return std::string(1, static_cast<char>(kind)).append(name);
}

void Selectors::add(const Selector& selector, std::uint32_t number) {
    switch (selector.type) {
        case Selector::Type::everyone: everyone_.push_back(number); return;
        case Selector::Type::authenticated: authenticated_.push_back(number); return;
        case Selector::Type::anonymous: anonymous_.push_back(number); return;
        case Selector::Type::group: groups_[selector.text].push_back(number); return;
        case Selector::Type::name: break;
    }
    if (selector.text.find('*') != std::string::npos) {
        wildcards_.push_back({selector, number});
    } else {
        names_[key_of(selector.kind.value_or(any_kind), selector.text)].push_back(number);
    }
}

void Selectors::find(const Identity& identity, const std::vector<std::string_view>& groups,
                     std::vector<std::uint32_t>& numbers) const {
    numbers.insert(numbers.end(), everyone_.begin(), everyone_.end());
    if (identity.kind == IdentityKind::anonymous) {
        numbers.insert(numbers.end(), anonymous_.begin(), anonymous_.end());
        return;
    }
    numbers.insert(numbers.end(), authenticated_.begin(), authenticated_.end());
    for (const std::string_view group : groups) append_found(groups_, std::string(group), numbers);
    append_found(names_, key_of(any_kind, identity.name), numbers);
    append_found(names_, key_of(identity.kind, identity.name), numbers);
    for (const Wildcard& wildcard : wildcards_) {
        const auto& kind = wildcard.selector.kind;
        if (kind && *kind != identity.kind) continue;
        if (fits_wildcard(wildcard.selector.text, identity.name)) {
            numbers.push_back(wildcard.number);
        }
    }
}

}  // namespace pkgreg::access
