// ReleaseVersion: the version of a DC/OS cluster, which decides what its package manager is told.
// Complete in this header.
#pragma once

#include "pkgreg/error.hpp"

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// A DC/OS release such as `1.10` or `2.1.3`: numbers without leading zeros, separated by dots.
///
/// Releases compare number by number, and a number that is not there counts as 0: 1.9 < 1.10, and
/// 1.10 equals 1.10.0. Numbers may be of any length.
class ReleaseVersion {
 public:
    /// The release 0.0, at which every package is listed that names no other.
    ReleaseVersion() : text_("0.0") {}

    /// The release in `text`, or nothing.
    static std::optional<ReleaseVersion> try_parse(std::string_view text) {
        if (!is_valid(text)) return std::nullopt;
        return ReleaseVersion(std::string(text));
    }

    /// The release in `text`. Throws `invalid_argument`.
    static ReleaseVersion parse(std::string_view text) {
        if (is_valid(text)) return ReleaseVersion(std::string(text));
        throw Error(
            ErrorCode::invalid_argument,
            "'" + std::string(text.substr(0, 80)) +
                "' is not a DC/OS release; one is written as numbers and dots, such as 2.1");
    }

    /// `^(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*$`
    static constexpr bool is_valid(std::string_view text) noexcept {
        while (true) {
            const std::string_view number = text.substr(0, text.find('.'));
            if (number.empty() || (number.size() > 1 && number.front() == '0')) return false;
            for (const char c : number) {
                if (!is_digit(c)) return false;
            }
            if (number.size() == text.size()) return true;
            text.remove_prefix(number.size() + 1);
        }
    }

    /// The release that a client says it belongs to: the product `dcos/<release>` of a `User-Agent`
    /// such as `cosmos/0.4 dcos/1.14-dev`. What follows the numbers is ignored. Nothing when there
    /// is no such product, or no release in it.
    static std::optional<ReleaseVersion> from_user_agent(std::string_view value) {
        constexpr std::string_view product = "dcos/";
        while (!value.empty()) {
            const std::size_t end = value.find_first_of(" \t");
            const std::string_view word = value.substr(0, end);
            if (word.starts_with(product)) return leading(word.substr(product.size()));
            value.remove_prefix(end == std::string_view::npos ? value.size() : end + 1);
        }
        return std::nullopt;
    }

    /// The first two numbers: 1.9 for 1.9.4. The formats of a repository go by these.
    ReleaseVersion major_minor() const {
        std::size_t end = text_.find('.');
        if (end != std::string::npos) end = text_.find('.', end + 1);
        return ReleaseVersion(text_.substr(0, end));
    }

    const std::string& str() const noexcept { return text_; }

    /// The order of two releases that are written validly.
    static constexpr std::strong_ordering compare(std::string_view a, std::string_view b) noexcept {
        while (!a.empty() || !b.empty()) {
            const std::string_view x = take_number(a);
            const std::string_view y = take_number(b);
            // Without leading zeros, the longer number is the larger one.
            if (x.size() != y.size()) return x.size() <=> y.size();
            if (const int order = x.compare(y); order != 0) return order <=> 0;
        }
        return std::strong_ordering::equal;
    }

    friend bool operator==(const ReleaseVersion& a, const ReleaseVersion& b) noexcept {
        return compare(a.text_, b.text_) == std::strong_ordering::equal;
    }
    friend std::strong_ordering operator<=>(const ReleaseVersion& a,
                                            const ReleaseVersion& b) noexcept {
        return compare(a.text_, b.text_);
    }

 private:
    explicit ReleaseVersion(std::string text) noexcept : text_(std::move(text)) {}

    static constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

    static constexpr std::string_view take_number(std::string_view& rest) noexcept {
        if (rest.empty()) return "0";
        const std::string_view number = rest.substr(0, rest.find('.'));
        rest.remove_prefix(number.size() == rest.size() ? number.size() : number.size() + 1);
        return number;
    }

    static std::optional<ReleaseVersion> leading(std::string_view text) {
        std::size_t end = 0;
        while (end < text.size() && (is_digit(text[end]) || text[end] == '.')) ++end;
        while (end > 0 && text[end - 1] == '.') --end;
        return try_parse(text.substr(0, end));
    }

    std::string text_;
};

}  // namespace pkgreg
