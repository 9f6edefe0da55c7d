// Pull: an image of another registry comes into this one, what it refers to first.
#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"
#include "pkgreg/remote.hpp"

#include "registry/manifest_document.hpp"
#include "remote/copy_watch.hpp"
#include "remote/index_selection.hpp"
#include "remote/media_types.hpp"
#include "remote/remote_blob.hpp"
#include "remote/remote_registry.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

class ImagePull {
 public:
    ImagePull(Registry& registry, RemoteImage image, const RepositoryName& repository,
              const RemoteOptions& options)
        : platforms_(parse_platforms(options.platforms)),
          registry_(registry),
          repository_(repository),
          watch_(options, "pull"),
          remote_(std::move(image), RemoteRegistry::Access::pull, options, watch_) {}

    Digest run(const std::optional<Tag>& tag) {
        const ImageReference& reference = remote_.image().reference;
        watch_.begin(reference.str(), 0);
        Document root = fetch(reference.target(), std::nullopt);
        for (int depth = 0; !platforms_.empty() && is_index(root.descriptor.media_type); ++depth) {
            require_depth(depth);
            IndexSelection selection = select(root);
            if (!selection.image) {
                root = reduced(std::move(selection.index), root.descriptor.media_type);
                break;
            }
            root = fetch(selection.image->digest.to_string(), selection.image);
        }
        take_content(root, 0);
        const Digest digest = root.descriptor.digest;
        store(root, tag ? Reference(*tag) : Reference(digest));
        return digest;
    }

 private:
    struct Document {
        Descriptor descriptor;
        std::string bytes;
    };

    void require_depth(int depth) const {
        if (depth < max_index_depth) return;
        throw Error(ErrorCode::manifest_invalid,
                    remote_.context() + ": indexes within indexes are too deep");
    }

    IndexSelection select(const Document& index) const {
        try {
            return select_platforms(index.bytes, platforms_);
        } catch (const Error& error) {
            throw Error(error.code(), remote_.context() + ": " + error.message());
        }
    }

    static Document reduced(std::string index, const MediaType& type) {
        const Digest digest = Hasher::hash(DigestAlgorithm::sha256, index);
        return {{type, digest, index.size()}, std::move(index)};
    }

    Document fetch(const std::string& target, const std::optional<Descriptor>& expected) {
        const TransferRequest request{remote_.url("manifests/" + target), {accepted_manifests()}};
        HttpAnswer answer = remote_.ask(request, registry_.options().max_manifest_size);
        if (answer.status != 200) remote_.refuse(answer, {"manifest " + target});
        std::optional<MediaType> type;
        if (const auto field = answer.field("Content-Type")) type = MediaType::try_parse(*field);
        refuse_schema1(type);
        const auto wanted = expected ? expected->digest : Digest::try_parse(target);
        const Digest digest =
            Hasher::hash(wanted ? wanted->algorithm() : DigestAlgorithm::sha256, answer.body);
        if (wanted && digest != *wanted) {
            throw Error(ErrorCode::digest_invalid,
                        remote_.context() + ": the manifest that came for " + wanted->to_string() +
                            " has the digest " + digest.to_string() +
                            "; the registry's content is damaged");
        }
        if (expected) type = expected->media_type;
        type = parse(answer.body, type).media_type;
        return {{*type, digest, answer.body.size()}, std::move(answer.body)};
    }

    ManifestDocument parse(const std::string& bytes, const std::optional<MediaType>& type) const {
        try {
            return ManifestDocument::parse(bytes, type);
        } catch (const Error& error) {
            throw Error(error.code(), remote_.context() + ": its manifest: " + error.message());
        }
    }

    void refuse_schema1(const std::optional<MediaType>& type) const {
        if (type != media_types::docker_schema1 && type != media_types::docker_schema1_signed) {
            return;
        }
        throw Error(ErrorCode::unsupported,
                    remote_.context() +
                        ": the image is in Docker's schema 1, which is obsolete and has no digests "
                        "to keep; push it again with a tool of this decade");
    }

    /// Brings what a manifest refers to.
    void take_content(const Document& manifest, int depth) {
        require_depth(depth);
        const ManifestDocument document = parse(manifest.bytes, manifest.descriptor.media_type);
        for (const Descriptor& child : document.manifests) {
            if (!is_kept_elsewhere(child)) take_manifest(child, depth + 1);
        }
        for (const Descriptor& blob : document.blobs) {
            if (!is_kept_elsewhere(blob)) take_blob(blob);
        }
    }

    void take_manifest(const Descriptor& descriptor, int depth) {
        // A manifest that was accepted has all that it refers to.
        if (run_blocking(registry_.find_manifest(repository_, descriptor.digest))) return;
        const Document document = fetch(descriptor.digest.to_string(), descriptor);
        take_content(document, depth);
        store(document, document.descriptor.digest);
    }

    void take_blob(const Descriptor& descriptor) {
        if (run_blocking(registry_.find_blob(repository_, descriptor.digest))) return;
        if (run_blocking(registry_.mount_blob(repository_, descriptor.digest, std::nullopt))) {
            return;
        }
        watch_.begin(descriptor.digest.to_string(), descriptor.size);
        RemoteBlob body(remote_, descriptor, watch_);
        try {
            run_blocking(registry_.put_blob(repository_, descriptor.digest, body));
        } catch (const Error& error) {
            if (error.code() != ErrorCode::digest_invalid) throw;
            throw Error(error.code(), remote_.context() + ": " + error.message() +
                                          "; the registry's content is damaged");
        }
        watch_.end();
    }

    void store(const Document& manifest, const Reference& reference) {
        run_blocking(registry_.put_manifest(repository_, reference, manifest.descriptor.media_type,
                                            manifest.bytes));
    }

    const std::vector<Platform> platforms_;
    Registry& registry_;
    const RepositoryName& repository_;
    CopyWatch watch_;
    RemoteRegistry remote_;
};

}  // namespace

Digest pull_image(Registry& registry, std::string_view source, const RepositoryName& repository,
                  const std::optional<Tag>& tag, const RemoteOptions& options) {
    detail::require_may_wait();
    return ImagePull(registry, RemoteImage::parse(source), repository, options).run(tag);
}

}  // namespace pkgreg
