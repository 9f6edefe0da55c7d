// The packages of a Universe, from wherever `pkgreg universe import` is told to read them.
#pragma once

#include "pkgreg/dcos/universe_import.hpp"

#include <string>
#include <vector>

namespace pkgreg::cli {

struct UniverseSource {
    /// One of each name and version, each with a `releaseVersion`.
    std::vector<UniverseRevision> revisions = {};
    /// What gave way to a higher `releaseVersion` of the same name and version.
    std::vector<UniverseRevision> superseded = {};
    /// The packages of packaging 2.0, which no registry takes: their folders, or their places in
    /// the document.
    std::vector<std::string> outdated = {};
    /// All that is wrong with other packages, which are left out.
    std::vector<Problem> problems = {};
};

/// Reads a folder of packages, a repository document in a file, or one behind a URL, which is asked
/// for as the package manager does. Throws `ProgramError` when there is nothing to be read.
///
/// @param ca a PEM file of authorities, see `HttpClientOptions`
UniverseSource read_universe(const std::string& source, const std::string& ca);

}  // namespace pkgreg::cli
