// Service options: what the options say of a registry, its protocols and its server, in the form that
// each of them takes. The program and the C interface open registries alike.
#pragma once

#include "pkgreg/log.hpp"
#include "pkgreg/options.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/server.hpp"
#include "pkgreg/work_pool.hpp"

#include <memory>

namespace pkgreg {

/// @param pool threads that hash beside a transfer; null: the caller's own does
/// @param log  may be empty
RegistryOptions registry_options(const Options& options, std::shared_ptr<WorkPool> pool,
                                 LogCallback log);

ProtocolOptions protocol_options(const Options& options);

/// Without an access log, whose form is the caller's matter.
ServerOptions server_options(const Options& options, LogCallback log);

}  // namespace pkgreg
