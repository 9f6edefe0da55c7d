// TokenIssuer: tokens of this registry's own, as the Docker token specification has them.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/awaitable.hpp"
#include "pkgreg/work_pool.hpp"

#include "access/caller.hpp"
#include "base/jose.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace pkgreg::access {

/// Any thread may call every member.
class TokenIssuer {
 public:
    /// Reads the signing key, or makes one. Throws `invalid_options` with the file's name.
    /// @param pool signs where that is slow; null: the caller's thread does
    TokenIssuer(const TokenOptions& options, std::shared_ptr<WorkPool> pool);

    /// A signed token that lets `identity` do what the grants say, from `now` (seconds since 1970)
    /// on for `lifetime`.
    awaitable<std::string> issue(const Identity& identity, std::span<const Grant> grants,
                                 std::int64_t now) const;

    std::chrono::seconds lifetime() const noexcept { return lifetime_; }
    const std::string& service() const noexcept { return service_; }
    const std::string& issuer() const noexcept { return issuer_; }  ///< the claim `iss`
    const std::string& key_id() const noexcept { return key_id_; }
    const jose::PublicKey& public_key() const noexcept { return public_key_; }

 private:
    TokenIssuer(const TokenOptions& options, std::shared_ptr<WorkPool> pool, jose::PrivateKey key);
    std::string claims(const Identity& identity, std::span<const Grant> grants,
                       std::int64_t now) const;

    const std::string issuer_;
    const std::string service_;
    const std::chrono::seconds lifetime_;
    const std::shared_ptr<WorkPool> pool_;
    const jose::PrivateKey key_;
    const jose::PublicKey public_key_;
    const std::string key_id_;
};

}  // namespace pkgreg::access
