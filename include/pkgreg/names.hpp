// RepositoryName and Tag: what a client may call things, valid by construction (OCI distribution
// specification, "Pulling manifests"). Complete in this header.
#pragma once

#include "pkgreg/error.hpp"

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// The name of a repository, such as `library/nginx`.
///
/// Components of lower-case letters and digits, joined inside by `.`, `_`, `__` or any number of
/// `-`, and separated by `/`:
/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`.
/// At most 255 bytes. No component begins with `_` or `.`, so a name can stand inside an object key
/// beside markers such as `_tags`. It orders by bytes, the lexical order of the catalog.
class RepositoryName {
 public:
    static constexpr std::size_t max_length = 255;

    /// The name in `text`, or nothing when it breaks the grammar above.
    static std::optional<RepositoryName> try_parse(std::string_view text) {
        if (!is_valid(text)) return std::nullopt;
        return RepositoryName(std::string(text));
    }

    /// The name in `text`. Throws `name_invalid`.
    static RepositoryName parse(std::string_view text) {
        if (is_valid(text)) return RepositoryName(std::string(text));
        if (text.size() > max_length) {
            throw Error(ErrorCode::name_invalid, "the repository name has " +
                                                     std::to_string(text.size()) +
                                                     " bytes; the limit is 255");
        }
        throw Error(ErrorCode::name_invalid,
                    "'" + std::string(text) +
                        "' is not a repository name; use lower-case letters, digits, '.', '_' "
                        "and '-' between them, and '/' between components");
    }

    static constexpr bool is_valid(std::string_view text) noexcept {
        if (text.empty() || text.size() > max_length) return false;
        std::size_t i = 0;
        while (true) {
            // One run of letters and digits.
            const std::size_t run = i;
            while (i < text.size() && is_alnum(text[i])) ++i;
            if (i == run) return false;
            if (i == text.size()) return true;
            // One separator: '/', '.', '_', '__' or '-'...
            if (text[i] == '_') {
                ++i;
                if (i < text.size() && text[i] == '_') ++i;
            } else if (text[i] == '-') {
                while (i < text.size() && text[i] == '-') ++i;
            } else if (text[i] == '.' || text[i] == '/') {
                ++i;
            } else {
                return false;
            }
        }
    }

    const std::string& str() const noexcept { return text_; }
    std::string_view view() const noexcept { return text_; }

    friend bool operator==(const RepositoryName&, const RepositoryName&) noexcept = default;
    friend auto operator<=>(const RepositoryName&, const RepositoryName&) noexcept = default;

 private:
    explicit RepositoryName(std::string text) noexcept : text_(std::move(text)) {}
    static constexpr bool is_alnum(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }
    std::string text_;
};

/// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`. Orders by bytes ("ASCIIbetical").
class Tag {
 public:
    static constexpr std::size_t max_length = 128;

    /// The tag in `text`, or nothing.
    static std::optional<Tag> try_parse(std::string_view text) {
        if (!is_valid(text)) return std::nullopt;
        return Tag(std::string(text));
    }

    /// The tag in `text`. Throws `name_invalid`.
    static Tag parse(std::string_view text) {
        if (is_valid(text)) return Tag(std::string(text));
        throw Error(ErrorCode::name_invalid,
                    "'" + std::string(text.substr(0, 160)) +
                        "' is not a tag; one has 1 to 128 letters, digits, '_', '.' and '-', and "
                        "begins with a letter, a digit or '_'");
    }

    static constexpr bool is_valid(std::string_view text) noexcept {
        if (text.empty() || text.size() > max_length) return false;
        if (text[0] == '.' || text[0] == '-') return false;
        for (const char c : text) {
            const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
            if (!word) return false;
        }
        return true;
    }

    const std::string& str() const noexcept { return text_; }
    std::string_view view() const noexcept { return text_; }

    friend bool operator==(const Tag&, const Tag&) noexcept = default;
    friend auto operator<=>(const Tag&, const Tag&) noexcept = default;

 private:
    explicit Tag(std::string text) noexcept : text_(std::move(text)) {}
    std::string text_;
};

}  // namespace pkgreg

template <>
struct std::hash<pkgreg::RepositoryName> {
    std::size_t operator()(const pkgreg::RepositoryName& name) const noexcept {
        return std::hash<std::string>{}(name.str());
    }
};
