#include "access/token_checks.hpp"

#include "pkgreg/error.hpp"

#include "base/suspend.hpp"

#include <algorithm>
#include <optional>
#include <time.h>
#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::size_t max_name = 255;

/// Seconds since 1970.
std::int64_t now() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
    return time.tv_sec;
}

[[noreturn]] void refuse_token(const std::string& problem) {
    throw Error(ErrorCode::unauthorized, "the token " + problem);
}

using KeyList = std::vector<const jose::PublicKey*>;

/// Whether one of the keys verifies the token. Several keys, or a long one, would hold up whoever
/// else this thread serves.
awaitable<bool> verifies(const Jwt& token, const KeyList& keys, WorkPool* pool) {
    auto verify = [&] {
        return std::ranges::any_of(keys, [&](const jose::PublicKey* key) {
            return key->verifies(token.signed_text, token.signature);
        });
    };
    const bool quick = keys.empty() || (keys.size() == 1 && !keys.front()->is_slow());
    const bool here = quick || pool == nullptr;
    if (here) co_return verify();
    co_return co_await offload(*pool, verify);
}

/// The keys by which the token is verified. Throws `unauthorized`, and `unavailable` where there
/// are none at all.
awaitable<KeySource::Keys> verify(const Jwt& token, KeySource& source, WorkPool* pool) {
    KeySource::Keys keys = source.current();
    KeyList fitting;
    if (keys) fitting = keys->find(token.algorithm, token.key_id);
    bool good = co_await verifies(token, fitting, pool);
    if (good) co_return keys;
    // A key with this name is the one meant; without a name, or with a new one, it may be newer
    // than the keys that are known.
    if (fitting.empty() || token.key_id.empty()) {
        keys = co_await source.refreshed();
        fitting = keys->find(token.algorithm, token.key_id);
        if (fitting.empty()) refuse_token("is signed with a key that its issuer does not have");
        good = co_await verifies(token, fitting, pool);
        if (good) co_return keys;
    }
    refuse_token("has a wrong signature");
}

/// Names go into logs and are compared with the policy's.
void check_name(const std::string& name, std::string_view claim) {
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (name.size() > max_name || std::ranges::any_of(name, control)) {
        refuse_token("has a name (" + std::string(claim) +
                     ") that is too long or holds control characters");
    }
}

}  // namespace

BearerTokens::BearerTokens(const TokenOptions& options, std::unique_ptr<KeySource> keys,
                           const TokenIssuer* own, std::shared_ptr<WorkPool> pool)
    : issuer_(options.issuer),
      service_(options.service),
      keys_(std::move(keys)),
      own_(own),
      pool_(std::move(pool)) {}

CallerPtr BearerTokens::known(std::string_view token) {
    return cache_.find(hash_.of({token}), keys_ ? keys_->current() : nullptr, now());
}

awaitable<CallerPtr> BearerTokens::check(std::string_view text) {
    Jwt token = Jwt::parse(text);
    if (own_ != nullptr && token.key_id == own_->key_id()) {
        CallerPtr caller = co_await check_own(token);
        cache_.put(hash_.of({text}), nullptr, caller, end_of(token.claims));
        co_return caller;
    }
    if (!keys_) refuse_token("is not signed by this registry, or by its former key; get a new one");
    check_times(token.claims, now());
    check_parties(token.claims, issuer_, service_);
    KeySource::Keys keys = co_await verify(token, *keys_, pool_.get());
    const std::int64_t end = end_of(token.claims);
    CallerPtr caller = outside_caller(std::move(token.claims));
    cache_.put(hash_.of({text}), std::move(keys), caller, end);
    co_return caller;
}

awaitable<CallerPtr> BearerTokens::check_own(const Jwt& token) const {
    KeyList keys;
    if (token.algorithm == own_->public_key().algorithm()) keys.push_back(&own_->public_key());
    const bool good = co_await verifies(token, keys, pool_.get());
    if (!good) refuse_token("has a wrong signature");
    check_times(token.claims, now());
    check_parties(token.claims, own_->issuer(), own_->service());
    if (!token.claims.identity || !token.claims.access)
        refuse_token("is malformed: a claim is missing");
    auto caller = std::make_shared<Caller>();
    caller->identity = *token.claims.identity;
    caller->identity.name = token.claims.subject;
    caller->grants = token.claims.access;
    co_return caller;
}

CallerPtr BearerTokens::outside_caller(Claims claims) const {
    check_name(claims.subject, "sub");
    auto caller = std::make_shared<Caller>();
    // A token for nobody in particular is how issuers let strangers in.
    if (!claims.subject.empty()) {
        caller->identity = {IdentityKind::token, std::move(claims.subject), {}};
    }
    caller->grants = std::move(claims.access).value_or(std::vector<Grant>());
    caller->outside = true;
    return caller;
}

CallerPtr DcosTokens::known(std::string_view token, std::string_view uid) {
    return cache_.find(hash_.of({token, uid}), keys_->current(), now());
}

awaitable<CallerPtr> DcosTokens::check(std::string_view text, std::string_view uid) {
    const Jwt token = Jwt::parse(text);
    check_times(token.claims, now());
    if (token.claims.uid.empty()) refuse_token("is no DC/OS authentication token (it has no uid)");
    if (!uid.empty() && token.claims.uid != uid)
        refuse_token("is for another user than the name given");
    check_name(token.claims.uid, "uid");
    KeySource::Keys keys = co_await verify(token, *keys_, pool_.get());
    auto caller = std::make_shared<Caller>();
    caller->identity = {IdentityKind::dcos, token.claims.uid, {}};
    cache_.put(hash_.of({text, uid}), std::move(keys), caller, end_of(token.claims));
    co_return caller;
}

}  // namespace pkgreg::access
