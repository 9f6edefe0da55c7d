// ImagePuller: images from registries into the content of a bundle.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/descriptor.hpp"

#include "cli/build/content_pool.hpp"
#include "cli/build/docker_credentials.hpp"
#include "cli/build/registry_client.hpp"
#include "cli/build/work_queue.hpp"
#include "remote/image_platform.hpp"
#include "remote/image_reference.hpp"

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace pkgreg::cli {

struct PullSettings {
    /// Of images that are there for several platforms, which one; nothing: all of them.
    std::optional<Platform> platform = Platform();
    /// Registries, as references name them, that may be asked in plain HTTP.
    std::set<std::string> insecure_registries = {};
    /// Docker's configuration file.
    std::filesystem::path docker_config = {};
    /// Where blobs are kept until the bundle is written.
    std::filesystem::path folder;
};

class ImagePuller {
 public:
    /// Told of each image when its turn comes, from any thread.
    using Announce = std::function<void(const std::string& what)>;

    ImagePuller(PullSettings settings, const Interruption& interruption, WorkQueue& queue,
                ContentPool& pool, Announce announce);

    /// Adds the job that brings an image; its manifests bring jobs for what they refer to.
    void add(const WorkQueue::Subject& subject, const ImageReference& reference);

    /// Once all jobs are done without a problem.
    std::vector<BundleImage> images() const;

 private:
    /// An image to pull: where from, what for, and what was found there.
    struct Pull {
        WorkQueue::Subject subject;
        ImageReference reference;
        RegistryClient& registry;
        std::optional<Descriptor> manifest = {};
    };

    RegistryClient& registry(const std::string& name);
    void pull(Fetcher& fetcher, Pull& pull);
    Descriptor fetch(Fetcher& fetcher, const Pull& pull, const std::string& target,
                     const std::optional<Descriptor>& expected, std::string& bytes);
    void take_manifest(Pull& pull, const Descriptor& descriptor, const std::string& bytes);
    void add_manifest(Pull& pull, const Descriptor& descriptor);
    void add_blob(Pull& pull, const Descriptor& descriptor);

    const PullSettings settings_;
    DockerCredentials credentials_;
    WorkQueue& queue_;
    ContentPool& pool_;
    const Announce announce_;
    std::map<std::string, RegistryClient> registries_;
    std::deque<Pull> pulls_;
};

}  // namespace pkgreg::cli
