// Authenticator: who asks, by what a request brings along. Knows of methods (passwords, tokens,
// certificates), not of what anybody may do.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/awaitable.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/work_pool.hpp"

#include "access/caller.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

class TokenIssuer;

/// Any thread may call every member.
///
/// Where a request brings several proofs, the field `Authorization` counts, and it alone: a wrong
/// password is refused, whatever certificate comes with it. Without the field the certificate
/// counts.
class Authenticator {
 public:
    /// The address under which a request reached the registry: scheme, host and port, such as
    /// `https://registry.example.com:5000`. May throw.
    using Address = std::function<std::string(const HttpRequest&)>;
    /// The address of the client behind a request, also where a proxy brought it. A view into it.
    using Client = std::function<std::string_view(const HttpRequest&)>;

    /// Reads the files, makes a signing key where one is needed. Throws `invalid_options` with the
    /// file and what is wrong with it; a URL that does not answer is only told in the log.
    /// @param pool    takes what waits for others (fetching keys) and slow signatures; null: the
    ///                caller's thread does. bcrypt has a thread of its own, of lower priority
    /// @param address where the endpoint `/token` is, for challenges; null: the field `Host`
    /// @param client  for whom failed log-ins count; null: `HttpRequest::client`
    static std::unique_ptr<Authenticator> make(const AccessOptions& options,
                                               std::shared_ptr<WorkPool> pool, LogCallback log,
                                               Address address = nullptr, Client client = nullptr);
    virtual ~Authenticator() = default;

    /// The caller, when that can be told at once: no credentials, a certificate, or credentials
    /// that were proved a short while ago. Null: ask `identify`.
    virtual CallerPtr known(const HttpRequest& request) = 0;

    /// The caller. Throws `unauthorized` when what the request brings proves nothing: wrong
    /// password, token that is expired, not yet valid, for others, or not signed by a known key.
    /// The message says which, never the credentials. Throws `unavailable` where an issuer's keys
    /// cannot be had, and `TooManyRequests` to whom guesses passwords.
    virtual awaitable<CallerPtr> identify(const HttpRequest& request) = 0;

    /// Values of `WWW-Authenticate` (RFC 9110, 11.6.1). Never empty.
    ///
    /// One challenge only: where clients can get tokens it is `Bearer`, else `Basic`. Passwords are
    /// taken all the same; but of two challenges Docker's client follows both, and fails without a
    /// name and password where a token for nobody would do.
    /// @param scope what the request needs, as the Docker token specification writes it
    ///              (`repository:team/app:pull,push`); may be empty; several are separated by
    ///              blanks
    /// @param error RFC 6750's code where a token was sent (`invalid_token`, `insufficient_scope`)
    virtual std::vector<std::string> challenges(const HttpRequest& request, std::string_view scope,
                                                std::string_view error) const = 0;

    /// Makes the tokens of the endpoint `/token`; null where it is off.
    virtual const TokenIssuer* issuer() const noexcept = 0;
};

}  // namespace pkgreg::access
