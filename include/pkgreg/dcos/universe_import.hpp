// Packages as the Universe keeps them: folders of files, and repository documents.
#pragma once

#include "pkgreg/dcos/metadata.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pkgreg {

/// One package version with what a repository says of it beside its own metadata.
struct UniverseRevision {
    PackageMetadata metadata;
    /// Grows with each later addition of the same package; nothing where the source does not tell.
    std::optional<std::uint64_t> release_version = {};
    /// Whether user interfaces put the package forward; nothing where the source does not say.
    std::optional<bool> selected = {};
};

/// Reads the folder of one package revision: `package.json`, and where they exist `config.json`,
/// `marathon.json.mustache`, `resource.json` and `command.json`. A folder whose name is a number
/// has it for its `releaseVersion`; `selected` is taken out of `package.json`.
///
/// Every problem is added, with its file and field, and nothing is returned if there is one. Only
/// in one thing this is more lenient than `PackageMetadata`: of a field that `package.json` has
/// twice the last counts, as it always did for the Universe's own tools; some old packages need
/// that.
std::optional<UniverseRevision> read_package_folder(const std::filesystem::path& folder,
                                                    std::vector<Problem>& problems);

/// The folders below `root`, or `root` itself, that have a `package.json`, ordered by path.
/// Symbolic links are not followed. Throws `io` when a folder cannot be read.
std::vector<std::filesystem::path> find_package_folders(const std::filesystem::path& root);

/// Reads a repository document, `{"packages": [ … ]}`. Packages that have a problem are left out;
/// each is added with `packages[i]` as its file, with name and version where they are known.
std::vector<UniverseRevision> read_repository(std::string text, std::vector<Problem>& problems);

/// Of revisions with the same name and version, leaves the one with the highest `releaseVersion` in
/// `revisions` and returns the others.
std::vector<UniverseRevision> take_superseded(std::vector<UniverseRevision>& revisions);

}  // namespace pkgreg
