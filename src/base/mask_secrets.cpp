#include "base/mask_secrets.hpp"

#include "base/hex_digit.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace pkgreg {
namespace {

constexpr std::string_view mask = "***";

/// The name as its reader will see it: percent-decoded, and folded so that `Access-Token`,
/// `access_token` and `accessToken` are one.
std::string folded(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        char c = name[i];
        if (c == '%' && i + 2 < name.size() && hex_digit(name[i + 1]) >= 0 &&
            hex_digit(name[i + 2]) >= 0) {
            c = static_cast<char>(hex_digit(name[i + 1]) << 4 | hex_digit(name[i + 2]));
            i += 2;
        }
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if (c != '-' && c != '_') out.push_back(c);
    }
    return out;
}

bool is_secret(std::string_view parameter) {
    constexpr std::array<std::string_view, 8> parts = {
        "token", "secret", "password", "passwd", "signature", "credential", "apikey", "accesskey"};
    constexpr std::array<std::string_view, 5> names = {"sig", "key", "auth", "authorization",
                                                       "pwd"};
    constexpr std::array<std::string_view, 2> families = {"xamz", "xgoog"};
    // They tell where a secret is, not what it is.
    constexpr std::array<std::string_view, 3> places = {"credentialfile", "credentialsecretpath",
                                                        "credentialprofilename"};
    const std::string name = folded(parameter);
    const auto inside = [&](std::string_view part) { return name.find(part) != std::string::npos; };
    const auto in_front = [&](std::string_view part) { return name.starts_with(part); };
    if (std::ranges::find(places, name) != places.end()) return false;
    return std::ranges::any_of(parts, inside) || std::ranges::find(names, name) != names.end() ||
           std::ranges::any_of(families, in_front);
}

/// Whether a parameter's value is a URL with user information, such as that of a proxy.
bool has_user(std::string_view value) {
    const std::string text = folded(value);
    return text.find("://") != std::string::npos && text.find('@') != std::string::npos;
}

/// Where the user information of an absolute URL ends (the `@`), counted from behind `://`; nothing
/// where there is none.
std::optional<std::size_t> end_of_user(std::string_view rest) {
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) return at;
    // A password with a raw slash, as generated keys often have it, breaks the grammar. What stands
    // behind the colon is then no port.
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) return std::nullopt;
    if (authority.find_first_not_of("0123456789", colon + 1) == std::string_view::npos &&
        colon + 1 < authority.size()) {
        return std::nullopt;
    }
    const std::size_t at = rest.rfind('@');
    return at == std::string_view::npos ? std::nullopt : std::optional(at);
}

/// Appends an absolute URL's scheme and user information, and returns what is behind them.
std::string_view append_user(std::string& out, std::string_view url) {
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos || url.find_first_of("/?#") != scheme + 1) return url;
    out.append(url.substr(0, scheme + 3));
    url.remove_prefix(scheme + 3);
    if (const auto end = end_of_user(url)) {
        out.append(mask);
        url.remove_prefix(*end);
    }
    return url;
}

}  // namespace

void append_masked_url(std::string& out, std::string_view url) {
    if (!url.starts_with('/')) url = append_user(out, url);
    std::size_t end = url.find_first_of("?#");
    out.append(url.substr(0, end));
    while (end < url.size()) {
        out.push_back(url[end]);
        url.remove_prefix(end + 1);
        end = std::min(url.find_first_of("&;#?"), url.size());
        const std::string_view parameter = url.substr(0, end);
        const std::size_t equals = parameter.find('=');
        // A password may hold what ends a parameter elsewhere.
        const std::size_t whole = std::min(url.find('&'), url.size());
        if (equals != std::string_view::npos && has_user(url.substr(equals, whole - equals))) {
            out.append(parameter.substr(0, equals + 1)).append(mask);
            end = whole;
        } else if (equals != std::string_view::npos && is_secret(parameter.substr(0, equals))) {
            out.append(parameter.substr(0, equals + 1)).append(mask);
        } else {
            out.append(parameter);
        }
    }
}

}  // namespace pkgreg
