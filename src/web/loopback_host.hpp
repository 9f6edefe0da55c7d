// Whether a host is this machine itself, as far as its name tells.
#pragma once

#include <algorithm>
#include <string_view>

namespace pkgreg {

/// @param host a name or an address, an IPv6 one in brackets, with or without a port
inline bool is_loopback_host(std::string_view host) noexcept {
    const std::size_t colon = host.rfind(':');
    const std::size_t bracket = host.rfind(']');
    const bool inside = bracket != host.npos && colon != host.npos && colon < bracket;
    if (!inside) host = host.substr(0, colon);
    const auto is_of_address = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
    return host == "localhost" || host == "[::1]" ||
           (host.starts_with("127.") && std::ranges::all_of(host, is_of_address));
}

}  // namespace pkgreg
