// `pkgreg universe import`: the packages of a Universe for a registry's server, without their
// files.
#pragma once

#include "pkgreg/dcos/universe_import.hpp"

#include "cli/packages/package_requests.hpp"

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace pkgreg::cli {

/// Reads packages from a folder, a file or a URL and adds them to the server. What became of each
/// package is written to `out`. Throws `ProgramError`: with `ExitCode::failed` and all that went
/// wrong when a package was refused or could not be read. Packages of packaging 2.0, which no
/// registry takes, and such as gave way to a later revision are told, but are no failure.
void import_universe(const std::string& source, bool replace, const PackageRequestOptions& options,
                     std::ostream& out);

/// The revisions as repository documents of about `size` bytes: larger only where one package is.
std::vector<std::string> repository_documents(const std::vector<UniverseRevision>& revisions,
                                              std::size_t size);

}  // namespace pkgreg::cli
