#include "cli/build/asset_location.hpp"

#include "pkgreg/error.hpp"

#include "base/hex_digit.hpp"
#include "base/mask_secrets.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace pkgreg::cli {
namespace {

constexpr std::size_t max_name = 255;

std::string percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int high = text[i] == '%' && i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        if (low < 0) {
            out.push_back(text[i]);
            continue;
        }
        out.push_back(static_cast<char>(high << 4 | low));
        i += 2;
    }
    return out;
}

/// The scheme in lower case where `value` is a URL, else an empty text (RFC 3986, section 3.1).
std::string scheme_of(std::string_view value) {
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos || colon == 0) return {};
    std::string scheme(value.substr(0, colon));
    for (char& c : scheme) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const bool letter = c >= 'a' && c <= 'z';
        const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && !(other && &c != scheme.data())) return {};
    }
    return scheme;
}

bool is_http(std::string_view scheme) {
    return scheme == "http" || scheme == "https";
}

/// The path of `file:PATH`, `file:///PATH` or `file://localhost/PATH`.
std::string file_url_path(std::string_view value) {
    std::string_view rest = value.substr(value.find(':') + 1);
    if (rest.starts_with("//")) {
        rest.remove_prefix(2);
        if (rest.starts_with("localhost/")) rest.remove_prefix(9);
        if (!rest.starts_with('/')) {
            throw Error(ErrorCode::invalid_argument,
                        "'" + masked_url(value) +
                            "' names a file of another machine; write file:///PATH, or a path");
        }
    }
    return percent_decoded(rest.substr(0, rest.find_first_of("?#")));
}

/// Turns a name into one path component that the format of bundles takes, or an empty text.
std::string safe_name(std::string name) {
    const bool utf8 = simdjson::validate_utf8(name.data(), name.size());
    for (char& c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const bool bad = byte < 0x20 || byte == 0x7f || c == '/' || c == '\\';
        if (bad || (byte >= 0x80 && !utf8)) c = '_';
    }
    if (name.size() > max_name) {
        name.erase(0, name.size() - max_name);
        // Not in the middle of a character.
        while (!name.empty() && (static_cast<unsigned char>(name.front()) & 0xc0) == 0x80) {
            name.erase(0, 1);
        }
    }
    return name == "." || name == ".." ? std::string() : name;
}

}  // namespace

AssetLocation AssetLocation::parse(std::string_view value, const std::filesystem::path& folder) {
    const std::string scheme = scheme_of(value);
    if (is_http(scheme)) return {std::string(value)};
    if (scheme == "file") return {{}, folder / file_url_path(value)};
    if (value.find("://") != std::string_view::npos) {
        throw Error(ErrorCode::invalid_argument,
                    "'" + masked_url(value) +
                        "' cannot be fetched; it must be an http or https URL, or a file");
    }
    return {{}, folder / std::string(value)};
}

std::string AssetLocation::shown() const {
    return url.empty() ? file.string() : masked_url(url);
}

std::string resource_file_name(std::string_view value, std::string_view fallback) {
    std::string name;
    if (const std::string scheme = scheme_of(value); is_http(scheme) || scheme == "file") {
        value = value.substr(0, value.find_first_of("?#"));
        const std::size_t authority = value.find("://");
        const std::size_t path = authority == std::string_view::npos
                                     ? scheme.size() + 1
                                     : std::min(value.find('/', authority + 3), value.size());
        value.remove_prefix(path);
        name = percent_decoded(value.substr(value.rfind('/') + 1));
    } else {
        name = value.substr(value.rfind('/') + 1);
    }
    name = safe_name(std::move(name));
    if (name.empty()) name = safe_name(std::string(fallback));
    return name.empty() ? "file" : name;
}

}  // namespace pkgreg::cli
