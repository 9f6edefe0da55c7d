// In place of what adds packages and shows them as a repository, where a build has no packages.
// Records that are in the storage are read all the same: deletions ask them what packages use.

#include "base/missing_part.hpp"
#include "registry/packages/packages.hpp"

#include <optional>
#include <utility>

namespace pkgreg {
namespace {

/// Throws when it is awaited, not when it is called.
template <class T>
awaitable<T> fail() {
    std::optional<T> never;
    if (!never) throw missing_part("DC/OS packages", "PKGREG_PACKAGES");
    co_return *std::move(never);
}

}  // namespace

awaitable<PackageAddition> EnginePackages::add(BodySource&, bool, const PackageCheck*) {
    return fail<PackageAddition>();
}

awaitable<UniverseImport> EnginePackages::import(std::vector<UniverseRevision>, bool) {
    return fail<UniverseImport>();
}

awaitable<RepositoryDocument> EnginePackages::document(const UniverseDocuments::Request&) {
    return fail<RepositoryDocument>();
}

}  // namespace pkgreg
