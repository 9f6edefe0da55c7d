// The Marathon app under which a cluster runs the registry.
#pragma once

#include "pkgreg/options.hpp"

#include <string>
#include <string_view>

namespace pkgreg::cli {

/// How a task gets the program.
struct ProgramSource {
    /// A URL that the task fetches it from; empty: it is on the agents' PATH.
    std::string url = {};
};

/// The app's definition as a JSON document of several lines.
///
/// - It runs `pkgreg serve` on a port that Marathon chooses, with the options in a file that the
/// task
///   writes from its environment; the port is reached as
///   `<name>.marathon.l4lb.thisdcos.directory:443`.
/// - Local storage is a persistent volume: of the agent's disk, or a mount volume where the options
///   ask for one. A storage of `pkgreg.storage` is used as it is.
/// - The secrets that the options name are files in the task's sandbox, under their own paths.
/// - Health checks and clients use HTTPS, unless the options allow plain HTTP and name no
///   certificate. The service account's secret is enough for one: see `ClusterSettings`.
///
/// @param text the document that `options` was read from
std::string marathon_app(const Options& options, std::string_view text,
                         const ProgramSource& program);

/// The app's id: the service's name with a `/` in front.
std::string marathon_app_id(const Options& options);

}  // namespace pkgreg::cli
