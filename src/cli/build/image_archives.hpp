// ImageArchives: images that `docker save` has written, into the content of a bundle.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/dcos/metadata.hpp"
#include "pkgreg/descriptor.hpp"

#include "cli/build/content_pool.hpp"
#include "cli/build/work_queue.hpp"

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pkgreg::cli {

class ImageArchives {
 public:
    /// Told of each archive when its turn comes, from any thread.
    using Announce = std::function<void(const std::string& what)>;
    /// Archives by the names of the images that they bring: `main` for
    /// `resource.assets.container.docker.main`.
    using Files = std::map<std::string, std::filesystem::path>;

    ImageArchives(const Files& files, WorkQueue& queue, ContentPool& pool, Announce announce)
        : files_(files), queue_(queue), pool_(pool), announce_(std::move(announce)) {}

    /// Whether an archive brings this image.
    bool has(const Asset& asset) const { return files_.contains(asset.name); }
    /// Adds the job that brings such an image.
    void add(const WorkQueue::Subject& subject, const Asset& asset);
    /// Adds each name that no image of the package has.
    void check_names(const PackageMetadata& metadata, std::vector<Problem>& problems) const;

    /// Once all jobs are done without a problem.
    std::vector<BundleImage> images() const;

 private:
    struct Use {
        Asset asset;
        std::optional<Descriptor> manifest = {};
    };

    void read(Fetcher& fetcher, Use& use);

    const Files& files_;
    WorkQueue& queue_;
    ContentPool& pool_;
    const Announce announce_;
    std::deque<Use> uses_;
};

}  // namespace pkgreg::cli
