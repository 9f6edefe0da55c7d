// MediaType: an RFC 6838 media type without parameters, valid by construction, and the types that a
// registry knows by name. Complete in this header.
#pragma once

#include "pkgreg/error.hpp"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// A media type `type/subtype` (RFC 6838, section 4.2), kept in lower case, without parameters.
///
/// The registry ignores parameters of a manifest's `Content-Type`, as the OCI distribution
/// specification asks ("Pushing Manifests"). At most 255 bytes.
class MediaType {
 public:
    static constexpr std::size_t max_length = 255;

    /// The media type at the front of `text`; parameters after `;` and blanks around are dropped.
    static std::optional<MediaType> try_parse(std::string_view text) {
        text = text.substr(0, text.find(';'));
        while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
        while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
        const std::size_t slash = text.find('/');
        if (slash == std::string_view::npos || text.size() > max_length) return std::nullopt;
        if (!is_restricted_name(text.substr(0, slash)) ||
            !is_restricted_name(text.substr(slash + 1))) {
            return std::nullopt;
        }
        std::string lower(text);
        std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        });
        return MediaType(std::move(lower));
    }

    /// As `try_parse`, but throws `invalid_argument`.
    static MediaType parse(std::string_view text) {
        if (auto type = try_parse(text)) return *std::move(type);
        throw Error(ErrorCode::invalid_argument,
                    "'" + std::string(text.substr(0, 160)) +
                        "' is not a media type; one is written type/subtype");
    }

    const std::string& str() const noexcept { return text_; }
    std::string_view view() const noexcept { return text_; }

    friend bool operator==(const MediaType&, const MediaType&) noexcept = default;
    friend auto operator<=>(const MediaType&, const MediaType&) noexcept = default;
    friend bool operator==(const MediaType& a, std::string_view b) noexcept { return a.text_ == b; }

 private:
    explicit MediaType(std::string text) noexcept : text_(std::move(text)) {}

    static constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }
    static constexpr bool is_restricted_name(std::string_view name) noexcept {
        if (name.empty()) return false;
        for (std::size_t i = 0; i < name.size(); ++i) {
            const char c = name[i];
            const bool alnum =
                (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            const bool mark = c == '!' || c == '#' || c == '$' || c == '&' || c == '-' ||
                              c == '^' || c == '_' || c == '.' || c == '+';
            if (!alnum && !(mark && i > 0)) return false;
        }
        return true;
    }

    std::string text_;
};

/// Media types that the registry knows by name.
namespace media_types {
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view docker_manifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_list =
    "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's schema 1, with and without signatures; refused.
inline constexpr std::string_view docker_schema1 =
    "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view docker_schema1_signed =
    "application/vnd.docker.distribution.manifest.v1+prettyjws";
inline constexpr std::string_view octet_stream = "application/octet-stream";
inline constexpr std::string_view json = "application/json";
}  // namespace media_types

}  // namespace pkgreg
