// The protocol handlers: HTTP requests in, responses out, over a Registry.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/registry.hpp"

#include <cstddef>
#include <memory>

namespace pkgreg {

/// How the protocols behave.
struct ProtocolOptions {
    /// Allow `mount` without `from`: any blob of the registry may be mounted by who knows its
    /// digest. Off where access control is on: a digest is no permission.
    bool mount_from_anywhere = true;
};

/// Answers the OCI distribution protocol (`/v2/…`) and the registry's own API (`/api/v1/…`,
/// `/health`) for one registry.
std::shared_ptr<HttpHandler> make_protocol(std::shared_ptr<Registry> registry,
                                           ProtocolOptions options = {});

}  // namespace pkgreg
