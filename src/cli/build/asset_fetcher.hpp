// AssetFetcher: the files that a package refers to, into the content of a bundle.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/dcos/metadata.hpp"

#include "cli/build/asset_location.hpp"
#include "cli/build/content_pool.hpp"
#include "cli/build/work_queue.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg::cli {

class AssetFetcher {
 public:
    /// Told of each file when its turn comes, from any thread.
    using Announce = std::function<void(const std::string& what)>;

    /// @param folder where fetched files are kept until the bundle is written
    AssetFetcher(std::filesystem::path folder, WorkQueue& queue, ContentPool& pool,
                 Announce announce)
        : folder_(std::move(folder)), queue_(queue), pool_(pool), announce_(std::move(announce)) {}

    /// Adds the job that brings the asset's file, unless another asset's brings it.
    void add(const WorkQueue::Subject& subject, const Asset& asset, const AssetLocation& location);

    /// Once all jobs are done: adds each file that has not the hash that the package says.
    void check_hashes(std::vector<Problem>& problems) const;

    /// Once all jobs are done without a problem.
    std::vector<BundleResource> resources() const;

 private:
    struct Download {
        AssetLocation location;
        std::optional<Digest> digest = {};
        std::uint64_t size = 0;
    };
    struct Use {
        Asset asset;
        const Download* download;
    };

    void fetch(Fetcher& fetcher, Download& download);

    const std::filesystem::path folder_;
    WorkQueue& queue_;
    ContentPool& pool_;
    const Announce announce_;
    std::deque<Download> downloads_;
    std::map<std::string, Download*> by_key_;
    std::vector<Use> uses_;
};

}  // namespace pkgreg::cli
