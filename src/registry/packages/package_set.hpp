// PackageSet: the packages of a registry in memory, by what is asked of them. It knows nothing of
// the storage; packages.cpp keeps the two the same.
#pragma once

#include "registry/packages/record.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Any thread.
///
/// A package version may have several records for a moment: while it is replaced, after a crash in
/// between, and where two instances added it at once. The one with the highest release version
/// counts, of equal ones that with the greatest key, so that every instance chooses the same.
class PackageSet {
 public:
    using Package = std::shared_ptr<const StoredPackage>;

    // Records, by key.

    bool has(const std::string& key) const;
    /// Null for what cannot be read, too.
    Package find_record(const std::string& key) const;
    std::vector<std::string> keys(std::string_view prefix) const;
    void insert(Package package);
    /// Notes a record that cannot be read, and why.
    void insert_damaged(const std::string& key, const Error& error);
    /// Takes a record out for good: who read it before it was removed does not bring it back.
    void erase(const std::string& key);

    // Packages.

    /// The package, or null. Throws the reason where there is only a record that cannot be read.
    Package find(const PackageCoordinate& coordinate) const;
    /// The first package in the order of keys whose record has that prefix, but whose content is
    /// another one; null where there is none.
    Package find_rival(const Digest& content, std::string_view prefix) const;
    /// All packages behind `last`, of one name or of all that `visible` takes (null: all), `n` at
    /// most; whether there are more.
    bool list(const std::optional<PackageName>& name, const std::optional<PackageCoordinate>& last,
              std::size_t n, const PackageFilter* visible, std::vector<Package>& into) const;
    std::size_t count() const;
    bool has_name(const PackageName& name) const;
    /// What the next addition to that name is numbered.
    std::uint64_t next_release_version(const PackageName& name) const;
    /// Packages in the form of documents, unless they did not change since `generation`; sets that.
    std::optional<std::vector<UniversePackage>> changed_since(std::uint64_t& generation) const;

    // Images, by who needs them.

    std::optional<PackageCoordinate> holder(const RepositoryName& repository) const;
    std::optional<PackageCoordinate> holder(const RepositoryName& repository,
                                            const Digest& manifest) const;

    /// Keeps images from being deleted until their package is here.
    class Hold {
     public:
        Hold(PackageSet& set, const PackageDraft& draft);
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;
        ~Hold();

     private:
        PackageSet& set_;
        const PackageDraft& draft_;
    };

 private:
    using Records = std::vector<Package>;  // the one that counts first
    using Holders = std::multimap<Digest, PackageCoordinate>;

    static bool counts_more(const Package& a, const Package& b);
    void hold(const std::vector<PackageImage>& images, const PackageCoordinate& coordinate);
    void release(const std::vector<PackageImage>& images, const PackageCoordinate& coordinate);

    mutable std::mutex mutex_;
    std::map<std::string, Package, std::less<>> by_key_;  // null: cannot be read
    std::map<std::string, Error, std::less<>> damaged_;
    std::set<std::string> erased_;  // few, and small: removals of one process
    std::map<PackageCoordinate, Records> packages_;
    std::map<RepositoryName, Holders> images_;
    std::uint64_t generation_ = 1;
};

}  // namespace pkgreg
