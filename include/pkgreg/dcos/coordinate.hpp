// PackageName, PackageVersion and PackageCoordinate: what identifies a DC/OS package, valid by
// construction. Complete in this header.
#pragma once

#include "pkgreg/error.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// The name of a DC/OS package, such as `kafka`: `^[a-z][a-z0-9-]*[a-z0-9]$`, at most 255 bytes.
class PackageName {
 public:
    static constexpr std::size_t max_length = 255;
    static constexpr std::string_view rule =
        "2 to 255 lower-case letters, digits and '-'; the first is a letter, the last is not '-'";

    static std::optional<PackageName> try_parse(std::string_view text) {
        if (!is_valid(text)) return std::nullopt;
        return PackageName(std::string(text));
    }

    /// The name in `text`. Throws `name_invalid`.
    static PackageName parse(std::string_view text) {
        if (is_valid(text)) return PackageName(std::string(text));
        throw Error(ErrorCode::name_invalid, "'" + std::string(text.substr(0, 260)) +
                                                 "' is not a package name; one has " +
                                                 std::string(rule));
    }

    static constexpr bool is_valid(std::string_view text) noexcept {
        if (text.size() < 2 || text.size() > max_length) return false;
        if (text.front() < 'a' || text.front() > 'z' || text.back() == '-') return false;
        for (const char c : text) {
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
        }
        return true;
    }

    const std::string& str() const noexcept { return text_; }

    friend bool operator==(const PackageName&, const PackageName&) noexcept = default;
    friend auto operator<=>(const PackageName&, const PackageName&) noexcept = default;

 private:
    explicit PackageName(std::string text) noexcept : text_(std::move(text)) {}
    std::string text_;
};

/// The version of a DC/OS package, such as `2.7.0-1.2.0`: `^[-a-zA-Z0-9.]+$`, at most 255 bytes,
/// and not `.` or `..`, which would name a folder. Versions have no order but that of their bytes:
/// which of two is newer is told by the `releaseVersion` of a repository.
class PackageVersion {
 public:
    static constexpr std::size_t max_length = 255;
    static constexpr std::string_view rule =
        "1 to 255 letters, digits, '.' and '-', and is not '.' or '..'";

    static std::optional<PackageVersion> try_parse(std::string_view text) {
        if (!is_valid(text)) return std::nullopt;
        return PackageVersion(std::string(text));
    }

    /// The version in `text`. Throws `name_invalid`.
    static PackageVersion parse(std::string_view text) {
        if (is_valid(text)) return PackageVersion(std::string(text));
        throw Error(ErrorCode::name_invalid, "'" + std::string(text.substr(0, 260)) +
                                                 "' is not a package version; one has " +
                                                 std::string(rule));
    }

    static constexpr bool is_valid(std::string_view text) noexcept {
        if (text.empty() || text.size() > max_length || text == "." || text == "..") return false;
        for (const char c : text) {
            if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.')) {
                return false;
            }
        }
        return true;
    }

    const std::string& str() const noexcept { return text_; }

    friend bool operator==(const PackageVersion&, const PackageVersion&) noexcept = default;
    friend auto operator<=>(const PackageVersion&, const PackageVersion&) noexcept = default;

 private:
    explicit PackageVersion(std::string text) noexcept : text_(std::move(text)) {}
    std::string text_;
};

/// Name and version of a package, which together identify it in a registry.
///
/// In URLs a coordinate is written as the JSON object `{"name":"…","version":"…"}`, compact and
/// with the name first, in base32 (RFC 4648) with lower-case letters and without padding. Deployed
/// apps hold such URLs for years, so this form never changes.
class PackageCoordinate {
 public:
    PackageCoordinate(PackageName name, PackageVersion version) noexcept
        : name_(std::move(name)), version_(std::move(version)) {}

    const PackageName& name() const noexcept { return name_; }
    const PackageVersion& version() const noexcept { return version_; }

    /// `{"name":"…","version":"…"}`. Neither part holds a character that JSON would escape.
    std::string json() const {
        return std::string(json_head) + name_.str() + std::string(json_middle) + version_.str() +
               std::string(json_tail);
    }

    /// The coordinate as it stands in a URL.
    std::string encoded() const { return to_base32(json()); }

    /// Reads what `encoded` writes, and nothing else: no padding, no upper case, no other spelling
    /// of the JSON. So two texts that differ never name the same package.
    static std::optional<PackageCoordinate> try_decode(std::string_view text) {
        if (text.size() > max_encoded_length) return std::nullopt;
        const std::optional<std::string> json = from_base32(text);
        return json ? try_parse_json(*json) : std::nullopt;
    }

    /// As `try_decode`, but throws `name_invalid`.
    static PackageCoordinate decode(std::string_view text) {
        if (auto coordinate = try_decode(text)) return *std::move(coordinate);
        throw Error(ErrorCode::name_invalid,
                    "'" + std::string(text.substr(0, 160)) +
                        "' is not a package coordinate; one is {\"name\":\"...\",\"version\":"
                        "\"...\"} in base32, lower case, without padding");
    }

    /// Reads what `json` writes, and nothing else.
    static std::optional<PackageCoordinate> try_parse_json(std::string_view json) {
        if (!json.starts_with(json_head) || !json.ends_with(json_tail)) return std::nullopt;
        json.remove_prefix(json_head.size());
        const std::size_t middle = json.find(json_middle);
        if (middle == std::string_view::npos) return std::nullopt;
        const std::size_t version_at = middle + json_middle.size();
        if (version_at + json_tail.size() > json.size()) return std::nullopt;
        auto name = PackageName::try_parse(json.substr(0, middle));
        auto version = PackageVersion::try_parse(
            json.substr(version_at, json.size() - json_tail.size() - version_at));
        if (!name || !version) return std::nullopt;
        return PackageCoordinate(*std::move(name), *std::move(version));
    }

    friend bool operator==(const PackageCoordinate&, const PackageCoordinate&) noexcept = default;
    friend auto operator<=>(const PackageCoordinate&, const PackageCoordinate&) noexcept = default;

 private:
    static constexpr std::string_view json_head = R"({"name":")";
    static constexpr std::string_view json_middle = R"(","version":")";
    static constexpr std::string_view json_tail = R"("})";
    static constexpr std::size_t max_encoded_length =
        (json_head.size() + PackageName::max_length + json_middle.size() +
         PackageVersion::max_length + json_tail.size() + 4) /
        5 * 8;
    static constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";

    static std::string to_base32(std::string_view bytes) {
        std::string text;
        text.reserve((bytes.size() * 8 + 4) / 5);
        std::uint32_t bits = 0;
        unsigned count = 0;
        for (const char c : bytes) {
            bits = bits << 8 | static_cast<std::uint8_t>(c);
            for (count += 8; count >= 5; count -= 5) {
                text.push_back(alphabet[bits >> (count - 5) & 31]);
            }
        }
        if (count > 0) text.push_back(alphabet[bits << (5 - count) & 31]);
        return text;
    }

    static std::optional<std::string> from_base32(std::string_view text) {
        std::string bytes;
        bytes.reserve(text.size() * 5 / 8);
        std::uint32_t bits = 0;
        unsigned count = 0;
        for (const char c : text) {
            const std::size_t value = alphabet.find(c);
            if (value == std::string_view::npos) return std::nullopt;
            bits = bits << 5 | static_cast<std::uint32_t>(value);
            count += 5;
            if (count >= 8) {
                count -= 8;
                bytes.push_back(static_cast<char>(bits >> count & 255));
            }
        }
        // What is left are the zero bits that fill the last digit: fewer than a digit has.
        if (count >= 5 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
        return bytes;
    }

    PackageName name_;
    PackageVersion version_;
};

}  // namespace pkgreg
