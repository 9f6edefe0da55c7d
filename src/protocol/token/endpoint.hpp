// The endpoint `/token`: gives tokens to whoever proves who he is, as the Docker token
// specification has it (`GET` with Basic), and as OAuth 2 does (`POST` of a form, RFC 6749,
// section 4.3). Strangers get one as well, for what they may do: clients that have no password ask
// like that.
#pragma once

#include "pkgreg/http.hpp"

#include "access/authenticator.hpp"
#include "access/token_issuer.hpp"
#include "protocol/target.hpp"

#include <functional>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Any thread may call every member.
class TokenEndpoint {
 public:
    /// What a caller may do, as far as he asks for it; the name `*` of a package: to any.
    using Allowed = std::function<access::ActionSet(const access::CallerPtr& caller,
                                                    const access::Grant& asked)>;

    /// @param authenticator must have an issuer and outlive this
    TokenEndpoint(access::Authenticator& authenticator, Allowed allowed)
        : authenticator_(authenticator), allowed_(std::move(allowed)) {}

    /// Answers a request for `/token`. Throws what a handler throws.
    awaitable<HttpResponse> handle(const HttpRequest& request, const Target& target) const;

 private:
    /// Null: what the request brings proves nothing, and `problem` says why.
    awaitable<access::CallerPtr> caller_of(const HttpRequest& request, std::string& problem) const;
    awaitable<HttpResponse> answer_form(const HttpRequest& request) const;
    awaitable<HttpResponse> answer(const HttpRequest& request, const Target& asked) const;
    std::vector<access::Grant> grants(const access::CallerPtr& caller, const Target& asked) const;

    access::Authenticator& authenticator_;
    const Allowed allowed_;
};

}  // namespace pkgreg
