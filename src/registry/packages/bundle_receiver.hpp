// BundleReceiver: reads a bundle while it arrives and stores what it holds. The coroutine that
// receives the body fills buffers; a thread of the addition's own reads the archive in them,
// hashes, and hands the same buffers on to the store, which writes on the pool. Nothing is copied.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/packages.hpp"

#include "base/buffer_pool.hpp"
#include "registry/packages/body_pipe.hpp"

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace pkgreg {

class Engine;

/// A manifest that came in a bundle.
struct BundleManifest {
    MediaType media_type;
    std::string bytes;
};
using BundleManifests = std::map<Digest, BundleManifest>;

/// For one bundle. Destroying it ends the thread, whatever the two were doing.
class BundleReceiver {
 public:
    /// @param check see `Packages::add`; called on the thread
    BundleReceiver(Engine& engine, std::shared_ptr<BufferPool> buffers, const PackageCheck* check);
    BundleReceiver(const BundleReceiver&) = delete;
    BundleReceiver& operator=(const BundleReceiver&) = delete;
    ~BundleReceiver();

    /// Completes when the whole bundle was checked, and its resources and blobs are stored durably.
    /// Throws what `read_bundle` throws, and what the body throws.
    awaitable<void> receive(BodySource& body);

    const BundleContents& contents() const noexcept { return *contents_; }
    /// The manifests of its images: they are stored in their repositories, when all is here.
    const BundleManifests& manifests() const noexcept { return manifests_; }

 private:
    class Visitor;
    awaitable<void> feed(BodySource& body);
    void read() noexcept;

    Engine& engine_;
    std::shared_ptr<BufferPool> buffers_;
    const PackageCheck* const check_;
    BodyPipe pipe_;
    std::optional<BundleContents> contents_;
    BundleManifests manifests_;
    std::exception_ptr failure_;  // the thread's, until it has closed its end of the pipe
    std::thread thread_;
};

}  // namespace pkgreg
