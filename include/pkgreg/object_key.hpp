// ObjectKey: the name of an object in a store, valid by construction. Complete in this header.
#pragma once

#include "pkgreg/error.hpp"

#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// A key such as `blobs/sha256/ab/abcd…+d4k…`: components joined by `/`.
///
/// A key is safe as a path of files and as a key of S3: 1 to 900 bytes; each component has 1 to 255
/// bytes of `A-Z a-z 0-9 + , - . _ = @ ~ !` and does not begin with `.` (so `.` and `..` cannot
/// occur, and a directory store can keep files of its own out of sight). Keys order by bytes. That
/// no key is a path prefix of another is for whoever chooses the keys.
class ObjectKey {
 public:
    static constexpr std::size_t max_length = 900;
    static constexpr std::size_t max_component = 255;

    static std::optional<ObjectKey> try_parse(std::string_view text) {
        if (!is_valid(text)) return std::nullopt;
        return ObjectKey(std::string(text));
    }

    /// Throws `invalid_argument`.
    explicit ObjectKey(std::string text) : text_(std::move(text)) {
        if (!is_valid(text_)) {
            throw Error(ErrorCode::invalid_argument, "'" + text_ + "' is not an object key");
        }
    }

    static constexpr bool is_valid(std::string_view text) noexcept {
        if (text.empty() || text.size() > max_length) return false;
        std::size_t component = 0;
        for (const char c : text) {
            if (c == '/') {
                if (component == 0) return false;
                component = 0;
                continue;
            }
            if (component == 0 && c == '.') return false;
            if (!is_key_char(c) || ++component > max_component) return false;
        }
        return component > 0;
    }

    /// Whether a listing may be asked for this prefix: the start of some valid key, or empty.
    static constexpr bool is_valid_prefix(std::string_view text) noexcept {
        if (text.empty()) return true;
        return is_valid(text.back() == '/' ? text.substr(0, text.size() - 1) : text);
    }

    const std::string& str() const noexcept { return text_; }
    std::string_view view() const noexcept { return text_; }

    friend bool operator==(const ObjectKey&, const ObjectKey&) noexcept = default;
    friend auto operator<=>(const ObjectKey&, const ObjectKey&) noexcept = default;

 private:
    static constexpr bool is_key_char(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '+' || c == ',' || c == '-' || c == '.' || c == '_' || c == '=' || c == '@' ||
               c == '~' || c == '!';
    }
    std::string text_;
};

}  // namespace pkgreg
