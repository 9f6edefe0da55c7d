#include "access/pattern.hpp"

#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/names.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::string_view any_components = "**";

bool has_star(std::string_view text) noexcept {
    return text.find('*') != std::string_view::npos;
}

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> components;
    while (true) {
        const std::size_t slash = text.find('/');
        components.emplace_back(text.substr(0, slash));
        if (slash == std::string_view::npos) return components;
        text.remove_prefix(slash + 1);
    }
}

/// A component's place in the order of exactness.
char16_t exactness_of(const std::string& component) {
    if (component == any_components) return 1;
    if (!has_star(component)) return 0xffff;
    const auto stars = std::ranges::count(component, '*');
    return static_cast<char16_t>(2 + component.size() - static_cast<std::size_t>(stars));
}

std::optional<std::string> problem_of_package(std::string_view text) {
    if (text.size() > PackageName::max_length) return "is longer than any package's name";
    // A name that would fit: letters stand in for what each star stands for.
    std::string name;
    for (const char c : text) name.append(c == '*' ? "aa" : std::string_view(&c, 1));
    if (PackageName::is_valid(name)) return std::nullopt;
    return "fits no package; a package's name has " + std::string(PackageName::rule) +
           ", and * stands for any run of characters";
}

std::optional<std::string> problem_of_repository(std::string_view text) {
    if (text.size() > RepositoryName::max_length) return "is longer than any repository's name";
    const std::vector<std::string> components = split(text);
    for (std::size_t i = 0; i < components.size(); ++i) {
        const std::string& component = components[i];
        if (component.empty()) return "has an empty component; '/' stands between components only";
        if (component == any_components) {
            if (i > 0 && components[i - 1] == any_components) return "has ** twice in a row";
            continue;
        }
        if (component.find(any_components) != component.npos) {
            return "has ** beside other characters; it stands alone between slashes, and * is any "
                   "run of characters inside a component";
        }
        for (const char c : component) {
            const bool known = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                               c == '_' || c == '-' || c == '*';
            if (known) continue;
            return "fits no repository; names have lower-case letters, digits, '.', '_' and '-', "
                   "and '/' between components; a pattern has * and ** beside them";
        }
        if (!has_star(component) && !RepositoryName::is_valid(component)) {
            return "fits no repository, for '" + component +
                   "' is no component of a name; '.', '_' and '-' stand between letters or digits";
        }
    }
    return std::nullopt;
}

/// A name's components, one after the other.
class Components {
 public:
    explicit Components(std::string_view rest) noexcept : rest_(rest), left_(!rest.empty()) {}

    bool left() const noexcept { return left_; }
    std::string_view take() noexcept {
        const std::size_t slash = rest_.find('/');
        const std::string_view component = rest_.substr(0, slash);
        left_ = slash != std::string_view::npos;
        rest_.remove_prefix(left_ ? slash + 1 : rest_.size());
        return component;
    }

 private:
    std::string_view rest_;
    bool left_;
};

bool fits_component(const std::string& pattern, std::string_view component) noexcept {
    return has_star(pattern) ? fits_wildcard(pattern, component) : pattern == component;
}

}  // namespace

bool fits_wildcard(std::string_view wildcard, std::string_view text) noexcept {
    // What follows the last star may begin anywhere; the leftmost place is as good as any other.
    constexpr std::size_t none = std::string_view::npos;
    std::size_t w = 0;
    std::size_t t = 0;
    std::size_t star = none;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (w < wildcard.size() && wildcard[w] == '*') {
            star = w++;
            resume = t;
        } else if (w < wildcard.size() && wildcard[w] == text[t]) {
            ++w;
            ++t;
        } else if (star != none) {
            w = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (w < wildcard.size() && wildcard[w] == '*') ++w;
    return w == wildcard.size();
}

std::optional<std::string> Pattern::problem_of(std::string_view text, ResourceKind kind) {
    if (text.empty()) return "must not be empty";
    return kind == ResourceKind::package ? problem_of_package(text) : problem_of_repository(text);
}

Pattern::Pattern(std::string_view text) : text_(text), components_(split(text)) {
    bool leading = true;
    for (const std::string& component : components_) {
        exactness_.push_back(exactness_of(component));
        leading = leading && !has_star(component);
        if (!leading) continue;
        literal_size_ += component.size() + (literal_depth_ == 0 ? 0 : 1);
        ++literal_depth_;
    }
    literal_ = literal_depth_ == components_.size();
}

bool Pattern::fits(std::string_view name) const noexcept {
    if (literal_) return name == text_;
    // As in fits_wildcard, with components for characters.
    constexpr std::size_t none = std::string_view::npos;
    Components rest(name);
    Components resume("");
    std::size_t p = 0;
    std::size_t any = none;
    while (rest.left()) {
        if (p < components_.size() && components_[p] == any_components) {
            any = p++;
            if (p == components_.size()) return true;  // at least one component is left
            resume = rest;
            continue;
        }
        if (p < components_.size()) {
            Components after = rest;
            if (fits_component(components_[p], after.take())) {
                rest = after;
                ++p;
                continue;
            }
        }
        if (any == none) return false;
        resume.take();
        rest = resume;
        p = any + 1;
    }
    return p == components_.size();
}

}  // namespace pkgreg::access
