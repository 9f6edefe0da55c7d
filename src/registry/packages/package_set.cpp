#include "registry/packages/package_set.hpp"

#include "registry/layout.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {
namespace {

/// Of the versions of a name the first one that there can be: `-` is the least character.
PackageCoordinate first_of(const PackageName& name) {
    return {name, PackageVersion::parse("-")};
}

}  // namespace

bool PackageSet::counts_more(const Package& a, const Package& b) {
    if (a->universe.release_version() != b->universe.release_version()) {
        return a->universe.release_version() > b->universe.release_version();
    }
    return a->key > b->key;
}

bool PackageSet::has(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    return by_key_.contains(key);
}

PackageSet::Package PackageSet::find_record(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? nullptr : found->second;
}

std::vector<std::string> PackageSet::keys(std::string_view prefix) const {
    std::vector<std::string> keys;
    const std::lock_guard lock(mutex_);
    for (auto entry = by_key_.lower_bound(prefix);
         entry != by_key_.end() && entry->first.starts_with(prefix); ++entry) {
        keys.push_back(entry->first);
    }
    return keys;
}

void PackageSet::insert(Package package) {
    const std::lock_guard lock(mutex_);
    const std::string& key = package->key.str();
    if (erased_.contains(key) || !by_key_.emplace(key, package).second) return;
    const PackageCoordinate& coordinate = package->universe.coordinate();
    hold(package->images, coordinate);
    Records& records = packages_[coordinate];
    records.push_back(std::move(package));
    std::sort(records.begin(), records.end(), &PackageSet::counts_more);
    ++generation_;
}

void PackageSet::insert_damaged(const std::string& key, const Error& error) {
    const std::lock_guard lock(mutex_);
    if (erased_.contains(key)) return;
    if (by_key_.emplace(key, nullptr).second) damaged_.emplace(key, error);
}

void PackageSet::erase(const std::string& key) {
    const std::lock_guard lock(mutex_);
    erased_.insert(key);
    auto entry = by_key_.extract(key);
    if (entry.empty()) return;
    damaged_.erase(key);
    const Package package = entry.mapped();
    if (!package) return;
    const auto found = packages_.find(package->universe.coordinate());
    std::erase(found->second, package);
    if (found->second.empty()) packages_.erase(found);
    release(package->images, package->universe.coordinate());
    ++generation_;
}

PackageSet::Package PackageSet::find(const PackageCoordinate& coordinate) const {
    const std::lock_guard lock(mutex_);
    const auto found = packages_.find(coordinate);
    if (found != packages_.end()) return found->second.front();
    const std::string prefix = layout::package_prefix(coordinate);
    const auto damaged = damaged_.lower_bound(prefix);
    if (damaged != damaged_.end() && damaged->first.starts_with(prefix)) throw damaged->second;
    return nullptr;
}

PackageSet::Package PackageSet::find_rival(const Digest& content, std::string_view prefix) const {
    const std::lock_guard lock(mutex_);
    for (auto entry = by_key_.lower_bound(prefix);
         entry != by_key_.end() && entry->first.starts_with(prefix); ++entry) {
        if (entry->second && entry->second->content != content) return entry->second;
    }
    return nullptr;
}

bool PackageSet::list(const std::optional<PackageName>& name,
                      const std::optional<PackageCoordinate>& last, std::size_t n,
                      const PackageFilter* visible, std::vector<Package>& into) const {
    const std::lock_guard lock(mutex_);
    auto entry = name ? packages_.lower_bound(first_of(*name)) : packages_.begin();
    if (last && (entry == packages_.end() || entry->first <= *last)) {
        entry = packages_.upper_bound(*last);
    }
    const PackageName* asked = nullptr;
    bool shown = true;
    for (; entry != packages_.end() && (!name || entry->first.name() == *name); ++entry) {
        if (visible && (!asked || *asked != entry->first.name())) {
            asked = &entry->first.name();
            shown = (*visible)(*asked);
        }
        if (!shown) continue;
        if (into.size() == n) return true;
        into.push_back(entry->second.front());
    }
    return false;
}

std::size_t PackageSet::count() const {
    const std::lock_guard lock(mutex_);
    return packages_.size();
}

bool PackageSet::has_name(const PackageName& name) const {
    const std::lock_guard lock(mutex_);
    const auto entry = packages_.lower_bound(first_of(name));
    return entry != packages_.end() && entry->first.name() == name;
}

std::uint64_t PackageSet::next_release_version(const PackageName& name) const {
    const std::lock_guard lock(mutex_);
    std::uint64_t next = 0;
    for (auto entry = packages_.lower_bound(first_of(name));
         entry != packages_.end() && entry->first.name() == name; ++entry) {
        next = std::max(next, entry->second.front()->universe.release_version() + 1);
    }
    return next;
}

std::optional<std::vector<UniversePackage>> PackageSet::changed_since(
    std::uint64_t& generation) const {
    const std::lock_guard lock(mutex_);
    if (generation == generation_) return std::nullopt;
    generation = generation_;
    std::vector<UniversePackage> packages;
    packages.reserve(packages_.size());
    for (const auto& [coordinate, records] : packages_) {
        packages.push_back(records.front()->universe);
    }
    return packages;
}

std::optional<PackageCoordinate> PackageSet::holder(const RepositoryName& repository) const {
    const std::lock_guard lock(mutex_);
    const auto found = images_.find(repository);
    if (found == images_.end()) return std::nullopt;
    return found->second.begin()->second;
}

std::optional<PackageCoordinate> PackageSet::holder(const RepositoryName& repository,
                                                    const Digest& manifest) const {
    const std::lock_guard lock(mutex_);
    const auto found = images_.find(repository);
    if (found == images_.end()) return std::nullopt;
    const auto held = found->second.find(manifest);
    if (held == found->second.end()) return std::nullopt;
    return held->second;
}

void PackageSet::hold(const std::vector<PackageImage>& images,
                      const PackageCoordinate& coordinate) {
    for (const PackageImage& image : images) {
        images_[image.repository].emplace(image.manifest.digest, coordinate);
    }
}

void PackageSet::release(const std::vector<PackageImage>& images,
                         const PackageCoordinate& coordinate) {
    for (const PackageImage& image : images) {
        const auto repository = images_.find(image.repository);
        Holders& holders = repository->second;
        const auto [first, last] = holders.equal_range(image.manifest.digest);
        holders.erase(std::find_if(first, last,
                                   [&](const auto& entry) { return entry.second == coordinate; }));
        if (holders.empty()) images_.erase(repository);
    }
}

PackageSet::Hold::Hold(PackageSet& set, const PackageDraft& draft) : set_(set), draft_(draft) {
    const std::lock_guard lock(set_.mutex_);
    set_.hold(draft_.images, draft_.metadata.coordinate());
}

PackageSet::Hold::~Hold() {
    const std::lock_guard lock(set_.mutex_);
    set_.release(draft_.images, draft_.metadata.coordinate());
}

}  // namespace pkgreg
