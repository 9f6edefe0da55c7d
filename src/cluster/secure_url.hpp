// Which URLs may be told a secret.
#pragma once

#include "web/loopback_host.hpp"

#include <string_view>

namespace pkgreg::cluster {

/// An absolute URL whose way cannot be listened to: with TLS, or to this machine itself.
inline bool is_secure_url(std::string_view url) noexcept {
    constexpr std::string_view with_tls = "https://";
    constexpr std::string_view without = "http://";
    const bool secure = url.starts_with(with_tls);
    if (!secure && !url.starts_with(without)) return false;
    const std::string_view rest = url.substr(secure ? with_tls.size() : without.size());
    const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
    // Before an `@` stands who asks, not whom.
    if (host.empty() || host.find('@') != std::string_view::npos) return false;
    return secure || is_loopback_host(host);
}

}  // namespace pkgreg::cluster
