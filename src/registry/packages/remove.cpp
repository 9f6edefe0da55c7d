// Removals: the record first, then what nothing needs any more.

#include "registry/engine.hpp"
#include "registry/layout.hpp"
#include "registry/packages/packages.hpp"

#include <utility>

namespace pkgreg {

awaitable<void> EnginePackages::remove(const PackageCoordinate& coordinate) {
    engine_.require_deletion();
    const auto guard = co_await changes_->lock_exclusive();
    co_await refresh();
    const std::string prefix = layout::package_prefix(coordinate);
    const std::vector<std::string> keys = set_.keys(prefix);
    if (keys.empty()) {
        throw Error(ErrorCode::package_unknown, "there is no " + describe_package(coordinate) +
                                                    " here; list the packages to see which are");
    }
    const auto images = co_await remove_records(keys);
    co_await release_images(images);
}

awaitable<std::vector<PackageImage>> EnginePackages::remove_records(
    const std::vector<std::string>& keys) {
    std::vector<PackageImage> images;
    for (const std::string& name : keys) {
        const Package package = set_.find_record(name);
        const ObjectKey key(name);
        co_await engine_.store().remove(key);
        set_.erase(name);
        if (package) images.insert(images.end(), package->images.begin(), package->images.end());
    }
    co_return images;
}

}  // namespace pkgreg
