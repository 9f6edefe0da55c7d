#include "access/credentials.hpp"

#include "base/base64url.hpp"

#include <algorithm>
#include <optional>

namespace pkgreg::access {
namespace {

constexpr std::string_view dcos_prefix = "token=";

/// RFC 7617 means base64 with padding (RFC 4648, section 4); without is taken as well.
std::optional<std::string> from_base64(std::string_view text) {
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    std::string digits(text);
    for (char& c : digits) {
        if (c == '-' || c == '_') return std::nullopt;  // of the other alphabet
        if (c == '+') c = '-';
        if (c == '/') c = '_';
    }
    return from_base64url(digits);
}

bool is_visible(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

Credentials basic(std::string_view encoded) {
    const auto text = from_base64(encoded);
    const std::size_t colon = text ? text->find(':') : std::string::npos;
    if (colon == std::string::npos) return {.scheme = Scheme::malformed};
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::any_of(text->substr(0, colon), control)) return {.scheme = Scheme::malformed};
    return {.scheme = Scheme::basic,
            .name = text->substr(0, colon),
            .password = text->substr(colon + 1)};
}

}  // namespace

Credentials Credentials::of(const HttpRequest& request) {
    const HeaderField* found = nullptr;
    for (const HeaderField& field : request.headers) {
        if (!same_field_name(field.name, "Authorization")) continue;
        // Somebody in between might have looked at the other one.
        if (found != nullptr) return {.scheme = Scheme::malformed};
        found = &field;
    }
    return found == nullptr ? Credentials() : parse(found->value);
}

Credentials Credentials::parse(std::string_view field) {
    if (field.size() > dcos_prefix.size() &&
        same_field_name(field.substr(0, dcos_prefix.size()), dcos_prefix)) {
        const std::string_view token = field.substr(dcos_prefix.size());
        if (!is_visible(token)) return {.scheme = Scheme::malformed};
        return {.scheme = Scheme::dcos, .token = token};
    }
    const std::size_t blank = std::min(field.find(' '), field.size());
    const std::string_view scheme = field.substr(0, blank);
    std::string_view rest = field.substr(blank);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (!is_visible(rest)) return {.scheme = Scheme::malformed};
    if (same_field_name(scheme, "Basic")) return basic(rest);
    if (same_field_name(scheme, "Bearer")) return {.scheme = Scheme::bearer, .token = rest};
    return {.scheme = Scheme::malformed};
}

}  // namespace pkgreg::access
