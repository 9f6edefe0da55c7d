// `pkgreg add`, `describe`, `list` and `remove`: the packages of a registry's server, over HTTP
// (include/pkgreg/dcos/README.md has the requests).
#pragma once

#include "cli/server_access.hpp"

#include <iosfwd>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// What all of these commands take.
struct PackageRequestOptions {
    /// The server's URL; where empty, `service` names it, and without that it is
    /// http://127.0.0.1:5000.
    std::string server = {};
    /// The name of the registry's service in the DC/OS cluster that the program runs in.
    std::string service = {};
    ServerAccess access = {};
    /// The answer as one JSON object instead of text.
    bool json = false;
};

/// Streams a bundle to the server, with progress on standard error, and waits until it is checked
/// and stored. Throws `ProgramError`, as all of these do: with `ExitCode::failed` when the registry
/// refuses, with `ExitCode::server` when there is no registry.
void add_package(const std::string& file, bool replace, const PackageRequestOptions& options,
                 std::ostream& out);

/// Describes one package.
void describe_package(std::string_view name, std::string_view version,
                      const PackageRequestOptions& options, std::ostream& out);

/// Lists all packages, or the versions of one where a name is given.
void list_packages(std::string_view name, const PackageRequestOptions& options, std::ostream& out);

/// Removes one package.
void remove_package(std::string_view name, std::string_view version,
                    const PackageRequestOptions& options, std::ostream& out);

}  // namespace pkgreg::cli
