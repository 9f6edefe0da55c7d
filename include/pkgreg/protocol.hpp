// The protocol handlers: HTTP requests in, responses out, over a Registry.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/registry.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace pkgreg {

/// How the protocols behave.
struct ProtocolOptions {
    /// Who may do what; nothing set: everybody everything.
    AccessOptions access = {};
    /// Allow `mount` without `from`: any blob of the registry may be mounted by who knows its
    /// digest. Off where access control is on, whatever this says: a digest is no permission.
    bool mount_from_anywhere = true;
    /// Where clients reach the registry, such as `https://registry.example.com:8443`: what the
    /// repository document refers to, whatever address a request used. Empty: the request's own.
    std::string external_url = {};
    /// Addresses and networks (`10.0.0.0/8`, `::1`, `unix` for unix sockets) of proxies whose
    /// `X-Forwarded-Host`, `-Proto` and `-Port` fields are believed.
    std::vector<std::string> trusted_proxies = {};
    /// Addresses and networks of clients (also `unix`, and `*` for all) that fetch blobs from the
    /// storage itself where it can give out URLs (S3): they are answered `307` with a URL that is
    /// good for `redirect_lifetime`. Such a client must reach the storage's endpoint. A blob that
    /// lies in several objects is sent through the registry all the same.
    std::vector<std::string> redirect_clients = {};
    std::chrono::seconds redirect_lifetime = std::chrono::minutes(20);  ///< of a URL
};

/// Answers the OCI distribution protocol (`/v2/…`), DC/OS's package protocol (`/repo`,
/// `/package/…`, `/resource/…`, `/`) and the registry's own API (`/api/v1/…`, `/health`) for one
/// registry. Throws `invalid_options`.
std::shared_ptr<HttpHandler> make_protocol(std::shared_ptr<Registry> registry,
                                           ProtocolOptions options = {});

}  // namespace pkgreg
