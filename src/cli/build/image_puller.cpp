#include "cli/build/image_puller.hpp"

#include "pkgreg/error.hpp"

#include "registry/manifest_document.hpp"
#include "remote/media_types.hpp"

#include <utility>

namespace pkgreg::cli {
namespace {

bool is_image(const MediaType& type) {
    return type == media_types::oci_manifest || type == media_types::docker_manifest;
}

void refuse_schema1(const std::string& image, const std::optional<MediaType>& type) {
    if (type != media_types::docker_schema1 && type != media_types::docker_schema1_signed) return;
    throw Error(ErrorCode::manifest_invalid,
                image +
                    " is an image in Docker's schema 1, which is obsolete and has no digests "
                    "to keep; pull it with an old Docker, push it again with one of this "
                    "decade, and refer to that");
}

/// The documents that a bundle's reader understands in an image.
void require_image(const std::string& image, const MediaType& type) {
    if (is_image(type) || is_index(type)) return;
    throw Error(ErrorCode::manifest_invalid,
                image + " is no container image: its manifest has the type " + type.str());
}

void check_digest(const std::string& image, const Digest& expected, const std::string& bytes) {
    const Digest actual = Hasher::hash(expected.algorithm(), bytes);
    if (actual == expected) return;
    throw Error(ErrorCode::digest_invalid, image + ": the manifest that came has the digest " +
                                               actual.to_string() + ", not " +
                                               expected.to_string());
}

Descriptor chosen_image(const std::string& index, const Platform& platform) {
    try {
        return choose_platform(index, platform);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::manifest_unknown) throw;
        throw Error(error.code(), error.message() + " (see --platform)");
    }
}

StoredContent stored(const std::filesystem::path& folder, DigestAlgorithm algorithm,
                     std::string_view bytes) {
    SpoolFile file(folder, algorithm);
    file.append(bytes);
    return std::move(file).finish();
}

}  // namespace

ImagePuller::ImagePuller(PullSettings settings, const Interruption& interruption, WorkQueue& queue,
                         ContentPool& pool, Announce announce)
    : settings_(std::move(settings)),
      credentials_(settings_.docker_config, interruption),
      queue_(queue),
      pool_(pool),
      announce_(std::move(announce)) {}

void ImagePuller::add(const WorkQueue::Subject& subject, const ImageReference& reference) {
    // A deque's elements stay where they are.
    Pull& added = pulls_.emplace_back(Pull{subject, reference, registry(reference.registry)});
    queue_.add(subject, [this, &added](Fetcher& fetcher) { pull(fetcher, added); });
}

std::vector<BundleImage> ImagePuller::images() const {
    std::vector<BundleImage> images;
    for (const Pull& pull : pulls_) images.push_back({pull.subject.path, *pull.manifest});
    return images;
}

RegistryClient& ImagePuller::registry(const std::string& name) {
    const auto known = registries_.find(name);
    if (known != registries_.end()) return known->second;
    const bool plain = settings_.insecure_registries.contains(name);
    return registries_
        .emplace(std::piecewise_construct, std::forward_as_tuple(name),
                 std::forward_as_tuple(name, plain, credentials_))
        .first->second;
}

void ImagePuller::pull(Fetcher& fetcher, Pull& pull) {
    announce_(pull.reference.str());
    std::string bytes;
    Descriptor manifest = fetch(fetcher, pull, pull.reference.target(), std::nullopt, bytes);
    // An index may hold indexes, though hardly any does.
    for (int depth = 0; settings_.platform && is_index(manifest.media_type); ++depth) {
        if (depth == 4) {
            throw Error(ErrorCode::manifest_invalid,
                        pull.reference.str() + ": indexes within indexes are too deep");
        }
        const Descriptor chosen = chosen_image(bytes, *settings_.platform);
        manifest = fetch(fetcher, pull, chosen.digest.to_string(), chosen, bytes);
    }
    require_image(pull.reference.str(), manifest.media_type);
    pull.manifest = manifest;
    if (pool_.claim(manifest.digest)) take_manifest(pull, manifest, bytes);
}

Descriptor ImagePuller::fetch(Fetcher& fetcher, const Pull& pull, const std::string& target,
                              const std::optional<Descriptor>& expected, std::string& bytes) {
    const std::string image = pull.reference.str();
    FetchedManifest fetched = pull.registry.manifest(fetcher, pull.reference.repository, target);
    refuse_schema1(image, fetched.content_type);
    const auto wanted = expected ? expected->digest : Digest::try_parse(target);
    if (wanted) check_digest(image, *wanted, fetched.bytes);
    bytes = std::move(fetched.bytes);
    try {
        MediaType type = expected ? expected->media_type
                                  : ManifestDocument::parse(bytes, fetched.content_type).media_type;
        return Descriptor{std::move(type),
                          wanted ? *wanted : Hasher::hash(DigestAlgorithm::sha256, bytes),
                          bytes.size()};
    } catch (const Error& error) {
        throw Error(error.code(), image + ": its manifest: " + error.message());
    }
}

void ImagePuller::take_manifest(Pull& pull, const Descriptor& descriptor,
                                const std::string& bytes) {
    pool_.add(stored(settings_.folder, descriptor.digest.algorithm(), bytes));
    if (!is_image(descriptor.media_type) && !is_index(descriptor.media_type)) return;
    const ManifestDocument document = ManifestDocument::parse(bytes, descriptor.media_type);
    for (const Descriptor& child : document.manifests) add_manifest(pull, child);
    for (const Descriptor& blob : document.blobs) {
        // What can be had elsewhere only (layers of Windows) is left out, as bundles allow.
        const bool is_config = &blob == &document.blobs.front();
        if (is_config || blob.urls.empty()) add_blob(pull, blob);
    }
}

void ImagePuller::add_manifest(Pull& pull, const Descriptor& descriptor) {
    if (!descriptor.urls.empty() || !pool_.claim(descriptor.digest)) return;
    queue_.add(pull.subject, [this, &pull, descriptor](Fetcher& fetcher) {
        std::string bytes;
        fetch(fetcher, pull, descriptor.digest.to_string(), descriptor, bytes);
        take_manifest(pull, descriptor, bytes);
    });
}

void ImagePuller::add_blob(Pull& pull, const Descriptor& descriptor) {
    if (!pool_.claim(descriptor.digest)) return;
    queue_.add(pull.subject, [this, &pull, descriptor](Fetcher& fetcher) {
        pool_.add(
            pull.registry.blob(fetcher, pull.reference.repository, descriptor, settings_.folder));
    });
}

}  // namespace pkgreg::cli
