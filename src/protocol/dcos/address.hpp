// Under which address a request reached the registry: what references in its answer begin with, so
// that one registry serves several clusters, each under the name that it knows.
#pragma once

#include "pkgreg/dcos/universe.hpp"
#include "pkgreg/http.hpp"

#include "protocol/client_networks.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::dcos {

class RequestAddress {
 public:
    /// @param external_url    `https://registry.example.com:8443`: used for every request; empty:
    ///                        none
    /// @param trusted_proxies addresses and networks (`10.0.0.0/8`, `::1`, `unix`) whose
    ///                        `X-Forwarded-*` fields are believed
    /// Throws `invalid_options` for what is neither.
    RequestAddress(std::string_view external_url, const std::vector<std::string>& trusted_proxies);

    /// The address that `request` used. Throws `malformed` where a field of it is no address: it
    /// would go into the answer's JSON.
    RegistryAddress of(const HttpRequest& request) const;

 private:
    RegistryAddress external_;
    ClientNetworks trusted_;
};

}  // namespace pkgreg::dcos
