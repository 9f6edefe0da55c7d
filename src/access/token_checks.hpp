// TokenChecks: tokens that are brought along, verified and remembered: those of an outside issuer
// and of this registry (bearer tokens), and those of DC/OS.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/awaitable.hpp"
#include "pkgreg/work_pool.hpp"

#include "access/caller_cache.hpp"
#include "access/jwt.hpp"
#include "access/key_source.hpp"
#include "access/proof_hash.hpp"
#include "access/token_issuer.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg::access {

/// Any thread may call every member. A token that was verified is known until it expires, or the
/// keys of its issuer change.
class BearerTokens {
 public:
    /// @param keys of the outside issuer; null: none
    /// @param own  this registry's own tokens; null: none. Lives as long as this.
    /// @param pool verifies what takes long; null: the caller's thread does
    BearerTokens(const TokenOptions& options, std::unique_ptr<KeySource> keys,
                 const TokenIssuer* own, std::shared_ptr<WorkPool> pool);

    /// The caller, where the token was verified before; else null.
    CallerPtr known(std::string_view token);
    /// The caller. Throws `unauthorized` with what is wrong with the token, and `unavailable`.
    awaitable<CallerPtr> check(std::string_view token);

 private:
    /// Throws `unauthorized`.
    awaitable<CallerPtr> check_own(const Jwt& token) const;
    CallerPtr outside_caller(Claims claims) const;

    const std::string issuer_;
    const std::string service_;
    const std::unique_ptr<KeySource> keys_;
    const TokenIssuer* const own_;
    const std::shared_ptr<WorkPool> pool_;
    const ProofHash hash_;
    CallerCache cache_;
};

/// As above, for the tokens of DC/OS's IAM.
class DcosTokens {
 public:
    DcosTokens(std::unique_ptr<KeySource> keys, std::shared_ptr<WorkPool> pool)
        : keys_(std::move(keys)), pool_(std::move(pool)) {}

    /// @param uid whom the token must be for; empty: anybody
    CallerPtr known(std::string_view token, std::string_view uid);
    awaitable<CallerPtr> check(std::string_view token, std::string_view uid);

 private:
    const std::unique_ptr<KeySource> keys_;
    const std::shared_ptr<WorkPool> pool_;
    const ProofHash hash_;
    CallerCache cache_;
};

}  // namespace pkgreg::access
