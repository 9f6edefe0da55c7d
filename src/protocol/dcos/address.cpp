#include "protocol/dcos/address.hpp"

#include "pkgreg/error.hpp"

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace pkgreg::dcos {
namespace {

constexpr std::size_t max_host = 255;

/// A host and, where it is given, a port (RFC 3986, section 3.2, without user information).
struct Authority {
    std::string_view host;
    std::optional<std::uint16_t> port;
};

constexpr bool is_host_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

bool is_host(std::string_view host) noexcept {
    if (host.empty() || host.size() > max_host) return false;
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    for (const char c : host) {
        if (!is_host_char(c) && !(bracketed && c == ':')) return false;
    }
    return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc() || rest != end || port == 0) return std::nullopt;
    return port;
}

std::optional<Authority> parse_authority(std::string_view text) noexcept {
    const std::size_t colon = text.rfind(':');
    const std::size_t bracket = text.rfind(']');
    const bool has_port = colon != text.npos && (bracket == text.npos || colon > bracket);
    Authority authority{text.substr(0, has_port ? colon : text.npos), std::nullopt};
    if (!is_host(authority.host)) return std::nullopt;
    if (has_port) {
        authority.port = parse_port(text.substr(colon + 1));
        if (!authority.port) return std::nullopt;
    }
    return authority;
}

/// Of a list that several proxies made, the first entry: what the client asked for.
std::string_view first_of_list(std::string_view field) noexcept {
    field = field.substr(0, field.find(','));
    while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
    return field;
}

RegistryAddress registry_address(bool secure, const Authority& authority) {
    RegistryAddress address;
    const std::string host(authority.host);
    const std::uint16_t usual = secure ? 443 : 80;
    address.resource_base = (secure ? "https://" : "http://") + host;
    if (authority.port) address.resource_base += ':' + std::to_string(*authority.port);
    // Docker would take a host without dots and port for a part of the repository's name.
    address.image_host = host + ':' + std::to_string(authority.port.value_or(usual));
    return address;
}

RegistryAddress parse_external_url(std::string_view url) {
    const auto bad = [url] {
        return Error(ErrorCode::invalid_options,
                     "external-url '" + std::string(url) +
                         "': must be http:// or https://, a host and maybe a port, nothing behind");
    };
    const bool secure = url.starts_with("https://");
    if (!secure && !url.starts_with("http://")) throw bad();
    std::string_view rest = url.substr(secure ? 8 : 7);
    if (rest.ends_with('/')) rest.remove_suffix(1);
    const auto authority = parse_authority(rest);
    if (!authority) throw bad();
    return registry_address(secure, *authority);
}

[[noreturn]] void bad_field(std::string_view name, std::string_view value) {
    throw Error(ErrorCode::malformed, std::string(name) + " '" +
                                          std::string(value.substr(0, max_host)) +
                                          "' is not an address that answers could refer to");
}

}  // namespace

RequestAddress::RequestAddress(std::string_view external_url,
                               const std::vector<std::string>& trusted_proxies)
    : trusted_("trusted-proxies", trusted_proxies) {
    if (!external_url.empty()) external_ = parse_external_url(external_url);
}

RegistryAddress RequestAddress::of(const HttpRequest& request) const {
    if (!external_.image_host.empty()) return external_;
    bool secure = request.secure;
    std::string_view name = "Host";
    std::string_view value = request.header("Host").value_or("");
    std::optional<std::uint16_t> forwarded_port;
    if (trusted_.contains(request.client)) {
        if (const auto field = request.header("X-Forwarded-Proto")) {
            secure = same_field_name(first_of_list(*field), "https");
        }
        if (const auto field = request.header("X-Forwarded-Host")) {
            name = "X-Forwarded-Host";
            value = first_of_list(*field);
        }
        if (const auto field = request.header("X-Forwarded-Port")) {
            forwarded_port = parse_port(first_of_list(*field));
            if (!forwarded_port) bad_field("X-Forwarded-Port", *field);
        }
    }
    auto authority = parse_authority(value);
    if (!authority) bad_field(name, value);
    if (!authority->port) authority->port = forwarded_port;
    return registry_address(secure, *authority);
}

}  // namespace pkgreg::dcos
