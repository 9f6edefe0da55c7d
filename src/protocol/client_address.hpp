// Where a request comes from, also when proxies stand between.
#pragma once

#include "pkgreg/http.hpp"

#include "protocol/client_networks.hpp"

#include <string_view>

namespace pkgreg {

/// The client's address: who is connected, or, where that is a proxy that is trusted, whom the
/// proxy tells of in `X-Forwarded-For`. Of the addresses there each is told by the one behind it,
/// so they are believed from the end on, as long as the proxy that tells is trusted; what is no
/// address is not believed. A view into the request.
std::string_view client_address(const HttpRequest& request, const ClientNetworks& trusted);

}  // namespace pkgreg
