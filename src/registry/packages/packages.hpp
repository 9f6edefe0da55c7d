// EnginePackages: the packages of a registry. A package is one record in the storage; all records
// are in memory too, from the first use on, and as documents. The members are spread over files by
// what they do: add.cpp, images.cpp, import.cpp, remove.cpp, documents.cpp.
#pragma once

#include "pkgreg/packages.hpp"

#include "base/buffer_pool.hpp"
#include "base/suspend.hpp"
#include "registry/packages/background_thread.hpp"
#include "registry/packages/bundle_receiver.hpp"
#include "registry/packages/package_set.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

class Engine;
struct Manifest;

class EnginePackages final : public Packages {
 public:
    explicit EnginePackages(Engine& engine);

    awaitable<PackageAddition> add(BodySource& bundle, bool replace,
                                   const PackageCheck* check) override;
    awaitable<UniverseImport> import(std::vector<UniverseRevision> revisions,
                                     bool replace) override;
    awaitable<std::optional<PackageInfo>> find(const PackageCoordinate& coordinate) override;
    awaitable<PackagePage> list(const std::optional<PackageName>& name,
                                const std::optional<PackageCoordinate>& last, std::size_t n,
                                const PackageFilter* visible) override;
    awaitable<std::size_t> count() override;
    awaitable<void> remove(const PackageCoordinate& coordinate) override;
    awaitable<std::unique_ptr<ObjectReader>> open_resource(const PackageCoordinate& coordinate,
                                                           const Digest& digest,
                                                           std::string_view file,
                                                           ByteRange range) override;
    awaitable<RepositoryDocument> document(const UniverseDocuments::Request& request) override;

    // For deletions, which ask it before they take something out.

    /// A package of which an image is in that repository, or is that manifest.
    awaitable<std::optional<PackageCoordinate>> holder(const RepositoryName& repository);
    awaitable<std::optional<PackageCoordinate>> holder(const RepositoryName& repository,
                                                       const Digest& manifest);

 private:
    using Package = PackageSet::Package;

    // The set and the storage.

    /// Makes the set what the storage has.
    awaitable<void> refresh();
    /// Likewise, for the records whose keys begin with `prefix`.
    awaitable<void> reconcile(std::string_view prefix);
    awaitable<void> read_record(const std::string& key);
    /// Null where there is none, or none that can be read.
    Package find_readable(const PackageCoordinate& coordinate) const;

    // Changes. One at a time: what one needs another must not take away.

    /// What came with a package that is to be added.
    struct Arrival {
        const PackageDraft& draft;
        const BundleManifests& manifests;
        /// Nothing: the next number.
        std::optional<std::uint64_t> release_version;
        bool replace;
    };
    awaitable<PackageAddition> place(const Arrival& arrival);
    awaitable<std::optional<PackageAddition>> place_once(const Arrival& arrival);
    awaitable<std::optional<PackageAddition>> write_record(const Arrival& arrival,
                                                           const Package& old);
    awaitable<bool> settle(const Arrival& arrival, const ObjectKey& written);
    awaitable<std::string> encode(const PackageDraft& draft, std::uint64_t release_version);
    /// Removes records; the images of those packages.
    awaitable<std::vector<PackageImage>> remove_records(const std::vector<std::string>& keys);

    // Images.

    awaitable<void> put_images(const Arrival& arrival);
    awaitable<void> put_image(const PackageImage& image, const BundleManifests& manifests);
    awaitable<void> release_images(const std::vector<PackageImage>& images);
    awaitable<void> release_image(const RepositoryName& repository, const Digest& manifest);
    awaitable<bool> put_back_tagged(const RepositoryName& repository,
                                    const std::vector<Manifest>& taken);
    awaitable<void> release_links(const RepositoryName& repository,
                                  const std::vector<Digest>& blobs);

    /// Gives the documents the set as it is now.
    void show_changes();

    Engine& engine_;
    PackageSet set_;
    std::atomic<bool> loaded_ = false;
    const std::shared_ptr<AsyncSharedMutex> loading_ = std::make_shared<AsyncSharedMutex>();
    const std::shared_ptr<AsyncSharedMutex> changes_ = std::make_shared<AsyncSharedMutex>();
    const std::shared_ptr<BufferPool> turns_;
    const std::shared_ptr<BufferPool> buffers_;

    // The documents go first: that cancels the job that compresses them.
    BackgroundThread background_;
    std::mutex documents_mutex_;
    std::uint64_t shown_ = 0;  // guarded by it: the generation that the documents are of
    UniverseDocuments documents_;
};

/// `package hello 1.0`: for messages.
std::string describe_package(const PackageCoordinate& coordinate);

}  // namespace pkgreg
