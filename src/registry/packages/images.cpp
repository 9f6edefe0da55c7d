// The images of packages: manifests in the repositories that their references name, without tags.

#include "registry/engine.hpp"
#include "registry/layout.hpp"
#include "registry/packages/packages.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {
namespace {

/// An image's manifests, each behind those that it refers to.
std::vector<Digest> children_first(const Digest& root, const BundleManifests& manifests) {
    std::vector<Digest> order;
    std::set<Digest> seen;
    std::vector<std::pair<Digest, bool>> waiting = {{root, false}};
    while (!waiting.empty()) {
        const auto [digest, children_done] = waiting.back();
        waiting.pop_back();
        if (children_done) {
            order.push_back(digest);
            continue;
        }
        const auto found = manifests.find(digest);
        if (found == manifests.end() || !seen.insert(digest).second) continue;
        waiting.emplace_back(digest, true);
        const BundleManifest& manifest = found->second;
        const auto document = ManifestDocument::parse(manifest.bytes, manifest.media_type);
        for (const Descriptor& child : document.manifests) {
            waiting.emplace_back(child.digest, false);
        }
    }
    return order;
}

}  // namespace

awaitable<void> EnginePackages::put_images(const Arrival& arrival) {
    // Another instance that removes a package with the same image may take a part away before what
    // needs it is there. It does so once; then the part is put again.
    const int most_tries = engine_.store().capabilities().exclusive ? 1 : 5;
    for (const PackageImage& image : arrival.draft.images) {
        for (int tries = 1;; ++tries) {
            try {
                co_await put_image(image, arrival.manifests);
                break;
            } catch (const Error& error) {
                const bool vanished = error.code() == ErrorCode::manifest_blob_unknown;
                if (!vanished || tries == most_tries) throw;
            }
        }
    }
}

awaitable<void> EnginePackages::put_image(const PackageImage& image,
                                          const BundleManifests& manifests) {
    for (const Digest& digest : children_first(image.manifest.digest, manifests)) {
        const BundleManifest& manifest = manifests.at(digest);
        const std::optional<MediaType> type = manifest.media_type;
        co_await engine_.adopt_manifest(image.repository, digest, type, manifest.bytes);
    }
}

awaitable<void> EnginePackages::release_images(const std::vector<PackageImage>& images) {
    for (const PackageImage& image : images) {
        co_await release_image(image.repository, image.manifest.digest);
    }
}

/// Takes an image out of its repository, as far as nothing else needs it: what refers to something
/// goes before what it refers to.
awaitable<void> EnginePackages::release_image(const RepositoryName& repository,
                                              const Digest& manifest) {
    const auto guard = co_await engine_.locks_.lock_to_remove(repository);
    const std::set<Digest> tagged = co_await engine_.tags_.targets(repository);
    std::vector<Manifest> taken;
    std::vector<Digest> blobs;
    std::vector<Digest> waiting = {manifest};
    while (!waiting.empty()) {
        const Digest digest = waiting.back();
        waiting.pop_back();
        if (tagged.contains(digest)) continue;
        const std::string user = co_await engine_.find_user(repository, digest);
        if (!user.empty()) continue;
        const auto stored = co_await engine_.read_manifest(repository, digest);
        if (!stored) continue;
        const auto document = ManifestDocument::parse(stored->bytes, stored->media_type);
        const std::string newer = co_await engine_.take_out_manifest(repository, *stored, document);
        if (!newer.empty()) continue;
        taken.push_back(*stored);
        for (const Descriptor& blob : document.blobs) blobs.push_back(blob.digest);
        for (const Descriptor& child : document.manifests) {
            waiting.push_back(child.digest);
            blobs.push_back(child.digest);  // a child may be any blob
        }
    }
    const bool kept = co_await put_back_tagged(repository, taken);
    if (!kept) co_await release_links(repository, blobs);
}

/// Another instance may have put a tag on one of the manifests since the look, see
/// Engine::put_manifest: then all that were taken are put back, the last one first, since it is
/// what the others refer to.
awaitable<bool> EnginePackages::put_back_tagged(const RepositoryName& repository,
                                                const std::vector<Manifest>& taken) {
    if (engine_.store().capabilities().exclusive) co_return false;
    const std::set<Digest> tagged = co_await engine_.tags_.targets(repository);
    const bool any = std::any_of(taken.begin(), taken.end(), [&](const Manifest& manifest) {
        return tagged.contains(manifest.digest);
    });
    if (!any) co_return false;
    for (auto manifest = taken.rbegin(); manifest != taken.rend(); ++manifest) {
        const auto document = ManifestDocument::parse(manifest->bytes, manifest->media_type);
        co_await engine_.put_back_manifest(repository, *manifest, document);
    }
    co_return true;
}

awaitable<void> EnginePackages::release_links(const RepositoryName& repository,
                                              const std::vector<Digest>& blobs) {
    for (const Digest& blob : blobs) {
        const auto manifest = co_await engine_.find_referring(repository, blob);
        if (manifest) continue;
        const std::string prefix = layout::link_prefix(repository, blob);
        const bool removed = co_await engine_.remove_all(prefix);
        if (!removed || engine_.store().capabilities().exclusive) continue;
        // Another instance may have accepted a manifest since the look, see Engine::delete_blob.
        const auto newer = co_await engine_.find_referring(repository, blob);
        if (newer) co_await engine_.link_blob(repository, blob);
    }
}

}  // namespace pkgreg
