// Imports: packages of another repository, by their metadata alone.

#include "registry/engine.hpp"
#include "registry/packages/packages.hpp"

#include <cstdint>
#include <limits>
#include <utility>

namespace pkgreg {
namespace {

/// The package manager reads numbers of 64 bits with a sign; a larger one would cost it the whole
/// repository.
constexpr std::uint64_t max_release_version = std::numeric_limits<std::int64_t>::max();

}  // namespace

awaitable<UniverseImport> EnginePackages::import(std::vector<UniverseRevision> revisions,
                                                 bool replace) {
    engine_.require_writable();
    const BundleManifests none;
    UniverseImport result;
    for (const UniverseRevision& revision : revisions) {
        const PackageCoordinate& coordinate = revision.metadata.coordinate();
        if (revision.release_version.value_or(0) > max_release_version) {
            result.refusals.push_back({coordinate, "its releaseVersion is larger than " +
                                                       std::to_string(max_release_version)});
            continue;
        }
        const PackageDraft draft(revision);
        const Arrival arrival{draft, none, revision.release_version, replace};
        try {
            PackageAddition addition = co_await place(arrival);
            result.additions.push_back(std::move(addition));
        } catch (const Error& error) {
            if (error.code() != ErrorCode::package_exists) throw;
            result.refusals.push_back({coordinate, error.message()});
        }
    }
    co_return result;
}

}  // namespace pkgreg
