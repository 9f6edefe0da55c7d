// The protocols with an authenticator of the caller's choice, as tests need it.
#pragma once

#include "pkgreg/protocol.hpp"

#include "access/authenticator.hpp"

#include <memory>

namespace pkgreg {

/// As the public function of that name.
/// @param authenticator null: only who comes with an identity is known
std::shared_ptr<HttpHandler> make_protocol(std::shared_ptr<Registry> registry,
                                           ProtocolOptions options,
                                           std::unique_ptr<access::Authenticator> authenticator);

}  // namespace pkgreg
