// TokenIssuer: tokens of this registry's own, as the Docker token specification has them.
#pragma once

#include "pkgreg/access.hpp"

#include "access/caller.hpp"
#include "base/jose.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

namespace pkgreg::access {

/// Any thread may call every member.
class TokenIssuer {
 public:
    /// Reads the signing key, or makes one. Throws `invalid_options` with the file's name.
    explicit TokenIssuer(const TokenOptions& options);

    /// A signed token that lets `identity` do what the grants say, from `now` (seconds since 1970)
    /// on for `lifetime`.
    std::string issue(const Identity& identity, std::span<const Grant> grants,
                      std::int64_t now) const;

    std::chrono::seconds lifetime() const noexcept { return lifetime_; }
    const std::string& service() const noexcept { return service_; }
    const std::string& issuer() const noexcept { return issuer_; }  ///< the claim `iss`
    const std::string& key_id() const noexcept { return key_id_; }
    const jose::PublicKey& public_key() const noexcept { return public_key_; }

 private:
    TokenIssuer(const TokenOptions& options, jose::PrivateKey key);

    const std::string issuer_;
    const std::string service_;
    const std::chrono::seconds lifetime_;
    const jose::PrivateKey key_;
    const jose::PublicKey public_key_;
    const std::string key_id_;
};

}  // namespace pkgreg::access
