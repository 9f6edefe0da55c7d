// Gate: finds out who asks, and lets those through who may. Every request passes it before the
// protocols look at it, so that what somebody may not see answers the same whether it is there or
// not.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/awaitable.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/log.hpp"

#include "access/authenticator.hpp"
#include "access/request_limiter.hpp"
#include "access/rights.hpp"
#include "access/watched_file.hpp"
#include "protocol/client_networks.hpp"
#include "protocol/refused.hpp"
#include "protocol/requirements.hpp"
#include "protocol/visit.hpp"

#include <memory>
#include <string>
#include <vector>

namespace pkgreg {

/// Any thread may call every member.
class Gate {
 public:
    /// @param authenticator null: only who comes with an identity is known
    /// Throws `invalid_options` for a policy that cannot be used.
    /// @param trusted_proxies as in `ProtocolOptions`
    Gate(const AccessOptions& options, const std::vector<std::string>& trusted_proxies,
         std::unique_ptr<access::Authenticator> authenticator, const LogCallback& log);

    /// What the caller of `request` may do, when that is enough for `need`; `visit` gets who it is
    /// and what counts the request. Throws `Refused`, `TooManyRequests`, and what
    /// `Authenticator::identify` throws.
    awaitable<access::Rights> enter(const HttpRequest& request, const Requirement& need,
                                    Visit& visit);

    /// Counts a request for its address, whoever it will prove to be. Throws `TooManyRequests`.
    void count_address(const HttpRequest& request, Visit& visit) const;

    /// Counts one more for a request that is as much work as several.
    void count_another(const Visit& visit) const noexcept;

    /// 401 with `WWW-Authenticate` for a caller who should come with other credentials, 403 where
    /// he proved who he is, or nothing that he could bring would prove it.
    HttpResponse answer(const HttpRequest& request, const Refused& refused) const;
    /// Adds `WWW-Authenticate` to a good answer of `/v2/` for one who came without credentials:
    /// some clients only look there for how to log in.
    void offer_login(HttpResponse& response, const HttpRequest& request,
                     const access::Rights& rights) const;

    /// Null: there is none.
    access::Authenticator* authenticator() const noexcept { return authenticator_.get(); }
    /// What `caller` may do of what he asks for, for a token. The name `*` of a package: to any.
    access::ActionSet allowed(const access::CallerPtr& caller, const access::Grant& asked) const;

 private:
    access::CallerPtr known_caller(const HttpRequest& request) const;
    awaitable<access::CallerPtr> identify(const HttpRequest& request, const Requirement& need);
    void count(access::RequestLimiter::Who who, Visit& visit) const;
    access::RequestLimiter::Who stranger(const HttpRequest& request) const;
    void check(const HttpRequest& request, const Requirement& need,
               const access::Rights& rights) const;
    bool may_visit(const HttpRequest& request, const access::Rights& rights) const;

    const bool controls_;
    const bool anonymous_pull_;
    const ClientNetworks trusted_;
    const std::unique_ptr<access::Authenticator> authenticator_;
    /// Null: no limits.
    const std::unique_ptr<access::RequestLimiter> limiter_;
    /// Null: no policy.
    std::unique_ptr<access::WatchedFile<access::Policy>> policy_;
};

}  // namespace pkgreg
