#include "access/token_issuer.hpp"

#include "pkgreg/error.hpp"

#include "access/identity_kinds.hpp"
#include "access/scopes.hpp"
#include "access/small_file.hpp"
#include "base/json_text.hpp"
#include "base/random_id.hpp"
#include "base/suspend.hpp"

#include <openssl/crypto.h>

#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::size_t max_key_file = 65536;

jose::PrivateKey read_key(const std::filesystem::path& file) {
    if (file.empty()) return jose::PrivateKey::generate_p256();
    std::string pem = read_small_file(file, max_key_file);
    try {
        jose::PrivateKey key = jose::PrivateKey::from_pem(pem);
        OPENSSL_cleanse(pem.data(), pem.size());
        return key;
    } catch (const Error& error) {
        OPENSSL_cleanse(pem.data(), pem.size());
        throw Error(ErrorCode::invalid_options,
                    file.string() + ": tokens cannot be signed with it: " + error.message());
    }
}

void append_member(std::string& json, std::string_view name, std::string_view text) {
    json.append(json.size() == 1 ? "\"" : ",\"").append(name).append("\":");
    append_json_string(json, text);
}

void append_member(std::string& json, std::string_view name, std::int64_t number) {
    json.append(",\"").append(name).append("\":").append(std::to_string(number));
}

}  // namespace

TokenIssuer::TokenIssuer(const TokenOptions& options, std::shared_ptr<WorkPool> pool)
    : TokenIssuer(options, std::move(pool), read_key(options.signing_key)) {}

TokenIssuer::TokenIssuer(const TokenOptions& options, std::shared_ptr<WorkPool> pool,
                         jose::PrivateKey key)
    : issuer_(options.issuer.empty() ? "pkgreg" : options.issuer),
      service_(options.service),
      lifetime_(options.lifetime),
      pool_(std::move(pool)),
      key_(std::move(key)),
      public_key_(key_.public_key()),
      key_id_(public_key_.thumbprint()) {}

awaitable<std::string> TokenIssuer::issue(const Identity& identity, std::span<const Grant> grants,
                                          std::int64_t now) const {
    const std::string text = claims(identity, grants, now);
    auto sign = [&] { return jose::sign(key_, text, key_id_); };
    const bool here = !pool_ || !key_.is_slow();
    if (here) co_return sign();
    co_return co_await offload(*pool_, sign);
}

std::string TokenIssuer::claims(const Identity& identity, std::span<const Grant> grants,
                                std::int64_t now) const {
    std::string claims = "{";
    append_member(claims, "iss", issuer_);
    append_member(claims, "sub", identity.name);
    append_member(claims, "aud", service_);
    append_member(claims, "exp", now + lifetime_.count());
    append_member(claims, "nbf", now);
    append_member(claims, "iat", now);
    append_member(claims, "jti", random_uuid());
    claims += ",\"access\":" + access_json(grants);
    // The policy judges whoever holds the token as if he had brought what he got it for.
    claims.append(R"(,"pkgreg":{"kind":")").append(to_string(identity.kind)).append("\"");
    if (!identity.groups.empty()) {
        claims += ",\"groups\":[";
        for (const std::string& group : identity.groups) {
            if (claims.back() != '[') claims += ',';
            append_json_string(claims, group);
        }
        claims += ']';
    }
    return claims.append("}}");
}

}  // namespace pkgreg::access
