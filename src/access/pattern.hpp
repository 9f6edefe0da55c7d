// Pattern: which repositories or packages a rule of the policy is about, and which of two patterns
// is the more exact one.
#pragma once

#include "access/caller.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

/// Whether `text` is what `wildcard` says, in which each `*` is any run of characters, also none.
bool fits_wildcard(std::string_view wildcard, std::string_view text) noexcept;

/// Components that `/` separates. `*` inside one is any run of characters but `/`; `**` alone is
/// any number of components, at the end of the pattern at least one. A package's name is one
/// component.
class Pattern {
 public:
    /// What is wrong with a pattern, and what would be right; nothing: it is one.
    static std::optional<std::string> problem_of(std::string_view text, ResourceKind kind);

    /// @param text has no problem
    explicit Pattern(std::string_view text);

    bool fits(std::string_view name) const noexcept;

    const std::string& text() const noexcept { return text_; }

    /// Of two patterns the one with the greater exactness decides. Component by component from the
    /// left: one without `*` before one with `*`, more letters before fewer, `**` last; at the end
    /// the longer one.
    const std::u16string& exactness() const noexcept { return exactness_; }

    /// The leading components without a `*`, joined by `/`, and how many they are.
    std::string_view literal_components() const noexcept {
        return std::string_view(text_).substr(0, literal_size_);
    }
    std::size_t literal_depth() const noexcept { return literal_depth_; }

    /// What every name that fits begins with: all characters before the first `*`.
    std::string_view literal_prefix() const noexcept {
        return std::string_view(text_).substr(0, text_.find('*'));
    }

 private:
    std::string text_;
    std::vector<std::string> components_;
    std::u16string exactness_;
    std::size_t literal_size_ = 0;
    std::size_t literal_depth_ = 0;
    bool literal_ = false;
};

}  // namespace pkgreg::access
