#include "protocol/gate.hpp"

#include "pkgreg/error.hpp"

#include "access/too_many_requests.hpp"
#include "base/printable.hpp"
#include "protocol/client_address.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

namespace pkgreg {
namespace {

using access::ActionSet;
using access::CallerPtr;
using access::ResourceKind;
using access::Rights;
using Kind = Requirement::Kind;

constexpr std::size_t max_policy = std::size_t{1} << 20;

std::shared_ptr<const access::Policy> read_policy(const std::filesystem::path& file) {
    const auto fail = [&](const std::string& why) {
        return Error(ErrorCode::invalid_options, "policy " + file.string() + ": " + why);
    };
    std::ifstream stream(file, std::ios::binary);
    if (!stream) throw fail(std::string("cannot be opened: ") + std::strerror(errno));
    std::string text;
    char block[16384];
    while (stream.read(block, sizeof block) || stream.gcount() > 0) {
        text.append(block, static_cast<std::size_t>(stream.gcount()));
        if (text.size() > max_policy) throw fail("is larger than 1 MiB");
    }
    if (stream.bad()) throw fail(std::string("cannot be read: ") + std::strerror(errno));
    return access::Policy::parse(text, file.string());
}

CallerPtr anonymous() {
    static const CallerPtr caller = std::make_shared<const access::Caller>();
    return caller;
}

/// Whether the request brought a bearer token, so that RFC 6750's codes make sense.
bool brought_token(const HttpRequest& request) {
    constexpr std::string_view scheme = "Bearer ";
    const auto field = request.header("Authorization");
    return field && same_field_name(field->substr(0, scheme.size()), scheme);
}

std::string who_is(const Rights& rights) {
    std::string text = "'";
    append_printable(text, rights.caller()->identity.name);
    return text + "'";
}

std::string described(ResourceKind kind, std::string_view name) {
    if (kind == ResourceKind::catalog) return "the catalog";
    return (kind == ResourceKind::package ? "package '" : "repository '") + std::string(name) + "'";
}

/// @param what `pull from repository 'a/b'`
/// @param more whether a token that grants more would do
Refused refusal(const Rights& rights, const std::string& what, bool more, std::string scope) {
    if (rights.is_anonymous()) {
        return Refused(ErrorCode::unauthorized,
                       "log in to " + what + ", or log in as somebody who may", std::move(scope),
                       "insufficient_scope");
    }
    if (more) {
        return Refused(ErrorCode::unauthorized,
                       "the token does not allow " + who_is(rights) + " to " + what +
                           "; ask for one with the scope " + scope,
                       scope, "insufficient_scope");
    }
    return Refused(ErrorCode::denied,
                   who_is(rights) + " may not " + what + "; whoever keeps the policy can allow it",
                   std::move(scope), {});
}

Refused refusal_somewhere(const Rights& rights, const Requirement& need, access::Action action) {
    return refusal(rights, words_for(action) + " any package",
                   rights.lacks_grant_anywhere(action, need.resource), need.scope());
}

access::TooManyRequests too_many(bool at_once, std::chrono::milliseconds retry_after) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(retry_after);
    return access::TooManyRequests(
        std::string(at_once ? "too many requests are being answered at once"
                            : "too many requests in a short time") +
            "; try again in " + std::to_string(seconds.count()) + " s",
        seconds);
}

/// The one action of a requirement.
access::Action only_action(ActionSet actions) {
    using access::Action;
    for (const Action action : {Action::pull, Action::push, Action::delete_, Action::list}) {
        if (actions.has(action)) return action;
    }
    return Action::administer;
}

}  // namespace

Refused Refused::on(const Rights& rights, ActionSet actions, ResourceKind kind,
                    std::string_view name) {
    return refusal(rights, words_for(actions) + " " + described(kind, name),
                   rights.lacks_grant(actions, kind, name), scope_of(kind, name, actions));
}

Gate::Gate(const AccessOptions& options, const std::vector<std::string>& trusted_proxies,
           std::unique_ptr<access::Authenticator> authenticator, const LogCallback& log)
    : controls_(options.controls()),
      anonymous_pull_(options.anonymous_pull),
      trusted_("trusted-proxies", trusted_proxies),
      authenticator_(std::move(authenticator)),
      limiter_(options.limits == RequestLimits()
                   ? nullptr
                   : std::make_unique<access::RequestLimiter>(options.limits)) {
    if (options.policy.empty()) return;
    policy_ =
        std::make_unique<access::WatchedFile<access::Policy>>(options.policy, read_policy, log);
}

/// Null: he has to be identified.
CallerPtr Gate::known_caller(const HttpRequest& request) const {
    if (request.identity) {
        return std::make_shared<const access::Caller>(access::Caller{*request.identity, {}});
    }
    return authenticator_ ? authenticator_->known(request) : anonymous();
}

/// Counts a request that is about to be answered.
void Gate::count(access::RequestLimiter::Who who, Visit& visit) const {
    auto admission = limiter_->admit(who);
    if (!admission.admitted) throw too_many(admission.at_once, admission.retry_after);
    visit.turn = std::move(admission.turn);
    visit.counted_for = who;
}

void Gate::count_another(const Visit& visit) const noexcept {
    if (limiter_ && visit.counted_for) limiter_->charge(*visit.counted_for);
}

void Gate::count_address(const HttpRequest& request, Visit& visit) const {
    if (limiter_) count(stranger(request), visit);
}

access::RequestLimiter::Who Gate::stranger(const HttpRequest& request) const {
    return limiter_->who(Identity(), client_address(request, trusted_));
}

/// Proof that proves nothing counts for the address, and from one that has asked too often none is
/// looked at: that is work.
awaitable<CallerPtr> Gate::identify(const HttpRequest& request, const Requirement& need) {
    if (limiter_) {
        const auto wait = limiter_->wait(stranger(request));
        if (wait) throw too_many(false, *wait);
    }
    std::optional<Error> refused;
    try {
        co_return co_await authenticator_->identify(request);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::unauthorized) throw;
        refused = error;
    }
    if (limiter_) limiter_->admit(stranger(request));
    throw Refused(ErrorCode::unauthorized, refused->message(), need.scope(), "invalid_token");
}

awaitable<Rights> Gate::enter(const HttpRequest& request, const Requirement& need, Visit& visit) {
    if (need.kind == Kind::nothing) co_return Rights();
    visit.caller = known_caller(request);
    if (!visit.caller) visit.caller = co_await identify(request, need);
    // Health checks, which may also ask `/`, come from where many others do.
    if (limiter_ && need.kind != Kind::anyone) {
        count(limiter_->who(visit.caller->identity, client_address(request, trusted_)), visit);
    }
    if (!controls_) co_return Rights();
    Rights rights(visit.caller, policy_ ? policy_->current() : nullptr, anonymous_pull_);
    check(request, need, rights);
    co_return rights;
}

void Gate::check(const HttpRequest& request, const Requirement& need, const Rights& rights) const {
    switch (need.kind) {
        case Kind::nothing:
        case Kind::anyone: return;
        case Kind::visit:
            if (may_visit(request, rights)) return;
            throw Refused(ErrorCode::unauthorized, "log in first", {}, {});
        case Kind::resource:
            if (rights.may(need.actions, need.resource, need.name)) return;
            throw refusal(rights,
                          words_for(need.actions) + " " + described(need.resource, need.name),
                          rights.lacks_grant(need.actions, need.resource, need.name), need.scope());
        case Kind::somewhere: {
            const access::Action action = only_action(need.actions);
            if (rights.may_somewhere(action, need.resource)) return;
            throw refusal_somewhere(rights, need, action);
        }
    }
}

/// Clients ask `/v2/` to learn how to log in. Docker does so once: where that answers 200 it stays
/// anonymous, and where it is told of passwords only and has none it gives up. So with a place that
/// hands out tokens, also to strangers, everybody is sent there; without one, whoever may pull
/// something as he is is let in.
bool Gate::may_visit(const HttpRequest& request, const Rights& rights) const {
    if (!rights.is_anonymous() || rights.caller()->grants) return true;
    const bool something = rights.may_somewhere(access::Action::pull, ResourceKind::repository) ||
                           rights.may_somewhere(access::Action::pull, ResourceKind::package);
    if (!something) return false;
    if (!authenticator_) return true;
    const auto challenges = authenticator_->challenges(request, {}, {});
    return std::ranges::none_of(
        challenges, [](const std::string& text) { return text.starts_with("Bearer "); });
}

HttpResponse Gate::answer(const HttpRequest& request, const Refused& refused) const {
    if (refused.code() != ErrorCode::unauthorized) return error_response(refused);
    std::vector<std::string> challenges;
    if (authenticator_) {
        const std::string_view error = brought_token(request) ? refused.token_error() : "";
        try {
            challenges = authenticator_->challenges(request, refused.scope(), error);
        } catch (const Error& unusable) {
            return error_response(unusable);  // the request's own address, where tokens would be
        }
    }
    // Without a challenge there is no 401 (RFC 9110, section 15.5.2).
    if (challenges.empty()) return error_response(Error(ErrorCode::denied, refused.message()));
    HttpResponse response = error_response(refused);
    for (const std::string& challenge : challenges) response.header("WWW-Authenticate", challenge);
    return response;
}

void Gate::offer_login(HttpResponse& response, const HttpRequest& request,
                       const Rights& rights) const {
    if (!authenticator_ || !rights.is_anonymous() || rights.caller()->grants) return;
    for (const std::string& challenge : authenticator_->challenges(request, {}, {})) {
        response.header("WWW-Authenticate", challenge);
    }
}

ActionSet Gate::allowed(const CallerPtr& caller, const access::Grant& asked) const {
    using access::Action;
    const Rights rights(caller, policy_ ? policy_->current() : nullptr, anonymous_pull_);
    const bool any = asked.kind == ResourceKind::package && asked.name == "*";
    ActionSet allowed;
    for (const Action action :
         {Action::pull, Action::push, Action::delete_, Action::list, Action::administer}) {
        if (!asked.actions.has(action)) continue;
        const bool may = any ? rights.may_somewhere(action, asked.kind)
                             : rights.may(action, asked.kind, asked.name);
        if (may) allowed = allowed | action;
    }
    return allowed;
}

}  // namespace pkgreg
