// Jwt: a JSON Web Token (RFC 7519) in the compact form, taken apart and judged. Strict, as RFC 8725
// advises: one spelling, no names twice, no algorithm but the two that keys are for. Whatever a
// header brings along to be verified with (`jwk`, `jku`, `x5c`) is not looked at.
#pragma once

#include "access/caller.hpp"
#include "base/jose.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

/// A longer token is refused.
inline constexpr std::size_t max_token_size = 16384;

/// How far the clocks of whoever issues tokens and of this machine may be apart, in seconds.
inline constexpr std::int64_t clock_leeway = 60;

struct Claims {
    std::string issuer;                 ///< `iss`
    std::string subject;                ///< `sub`
    std::string uid;                    ///< of DC/OS
    std::vector<std::string> audience;  ///< `aud`
    std::optional<double> expires;      ///< `exp`, seconds since 1970
    std::optional<double> not_before;   ///< `nbf`
    std::optional<double> issued_at;    ///< `iat`
    std::optional<std::vector<Grant>> access;
    /// Whom a token of this registry speaks for; believed of its own tokens only.
    std::optional<Identity> identity;
};

struct Jwt {
    jose::Algorithm algorithm;
    std::string key_id;  ///< `kid`; empty: none
    /// What was signed. Lies in the text that was parsed.
    std::string_view signed_text;
    std::string signature;
    Claims claims;

    /// Throws `unauthorized` with what is wrong. Nothing of it is proved yet.
    static Jwt parse(std::string_view text);
};

/// Whether a text looks like a token rather than a password: three parts, the first of which begins
/// as every JSON object does in base64url.
bool looks_like_jwt(std::string_view text) noexcept;

/// Checks `exp`, which must be there, `nbf` and `iat`. Throws `unauthorized`.
/// @param now seconds since 1970
void check_times(const Claims& claims, std::int64_t now);

/// The first second at which a token that `check_times` takes is not good any more.
std::int64_t end_of(const Claims& claims) noexcept;

/// Checks `iss` (an empty `issuer`: any) and `aud`. Throws `unauthorized`.
void check_parties(const Claims& claims, std::string_view issuer, std::string_view audience);

}  // namespace pkgreg::access
