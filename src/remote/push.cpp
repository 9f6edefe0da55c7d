// Push: an image of this registry goes to another one, what it refers to first.
#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/remote.hpp"

#include "registry/manifest_document.hpp"
#include "remote/copy_watch.hpp"
#include "remote/index_selection.hpp"
#include "remote/remote_registry.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace pkgreg {
namespace {

/// Of answers whose body says no more than what went wrong.
constexpr std::size_t max_answer = std::size_t{1} << 20;

/// A blob of this registry as the body of a request.
class StoredBlob final : public BodyReader {
 public:
    StoredBlob(std::unique_ptr<ObjectReader> reader, CopyWatch& watch)
        : reader_(std::move(reader)), watch_(watch) {}

    std::uint64_t size() const noexcept override { return reader_->object_size(); }
    std::size_t read(std::span<std::byte> into) override {
        const std::size_t n = run_blocking(reader_->read(into));
        done_ += n;
        watch_.set(done_);
        return n;
    }

 private:
    std::unique_ptr<ObjectReader> reader_;
    CopyWatch& watch_;
    std::uint64_t done_ = 0;
};

class ImagePush {
 public:
    ImagePush(Registry& registry, const RepositoryName& repository, RemoteImage image,
              const RemoteOptions& options)
        : registry_(registry),
          repository_(repository),
          watch_(options, "push"),
          remote_(std::move(image), RemoteRegistry::Access::push, options, watch_) {}

    Digest run(const Reference& reference) {
        const ImageReference& target = remote_.image().reference;
        watch_.begin(target.str(), 0);
        const Manifest manifest = find(reference);
        if (target.digest && *target.digest != manifest.digest) {
            throw Error(ErrorCode::digest_invalid,
                        remote_.context() + ": the image has the digest " +
                            manifest.digest.to_string() + ", not " + target.digest->to_string());
        }
        send_content(manifest, 0);
        send_manifest(manifest, target.tag ? target.tag->str() : manifest.digest.to_string());
        return manifest.digest;
    }

 private:
    Manifest find(const Reference& reference) {
        auto manifest = run_blocking(registry_.find_manifest(repository_, reference));
        if (manifest) return *std::move(manifest);
        const std::string name = std::holds_alternative<Tag>(reference)
                                     ? ":" + std::get<Tag>(reference).str()
                                     : "@" + std::get<Digest>(reference).to_string();
        throw Error(ErrorCode::manifest_unknown, "there is no image " + repository_.str() + name +
                                                     " in this registry to push to " +
                                                     remote_.image().repository());
    }

    /// Sends what a manifest refers to.
    void send_content(const Manifest& manifest, int depth) {
        if (depth == max_index_depth) {
            throw Error(ErrorCode::manifest_invalid,
                        remote_.context() + ": indexes within indexes are too deep");
        }
        const ManifestDocument document =
            ManifestDocument::parse(manifest.bytes, manifest.media_type);
        for (const Descriptor& child : document.manifests) {
            if (is_kept_elsewhere(child) && !has_manifest(child.digest)) continue;
            const Manifest found = find(child.digest);
            send_content(found, depth + 1);
            send_manifest(found, found.digest.to_string());
        }
        for (const Descriptor& blob : document.blobs) send_blob(blob);
    }

    bool has_manifest(const Digest& digest) {
        return run_blocking(registry_.find_manifest(repository_, digest)).has_value();
    }

    void send_blob(const Descriptor& descriptor) {
        const std::string digest = descriptor.digest.to_string();
        if (is_kept_elsewhere(descriptor) && !open(descriptor.digest)) return;
        const Refusals refusals{"blob " + digest, ErrorCode::name_unknown,
                                ErrorCode::blob_upload_invalid};
        for (Tries tries = remote_.tries();;) {
            try {
                if (is_there(digest, refusals)) return;
                const HttpAnswer answer = upload(descriptor.digest, refusals);
                if (answer.status == 201) return watch_.end();
                if (!remote_.before_another_try(tries, answer)) remote_.refuse(answer, refusals);
            } catch (const TransferError& error) {
                // The answer may be all that got lost: the next try looks first.
                remote_.before_another_try(tries, error);
            }
        }
    }

    bool is_there(const std::string& digest, const Refusals& refusals) {
        TransferRequest request{remote_.url("blobs/" + digest)};
        request.method = "HEAD";
        const HttpAnswer answer = remote_.ask(request, max_answer);
        if (answer.status == 200) return true;
        if (answer.status != 404) remote_.refuse(answer, refusals);
        return false;
    }

    std::unique_ptr<ObjectReader> open(const Digest& digest) {
        return run_blocking(registry_.open_blob(repository_, digest));
    }

    HttpAnswer upload(const Digest& digest, const Refusals& refusals) {
        TransferRequest put{begin_upload(refusals), {"Content-Type: application/octet-stream"}};
        put.url += put.url.find('?') == std::string::npos ? '?' : '&';
        put.url += "digest=" + digest.to_string();
        const RemoteRegistry::Perform send = [&](const TransferRequest& authorized) {
            auto reader = open(digest);
            if (!reader) {
                throw Error(ErrorCode::blob_unknown, repository_.str() + " has no blob " +
                                                         digest.to_string() +
                                                         " any more; it cannot be pushed to " +
                                                         remote_.image().repository());
            }
            watch_.begin(digest.to_string(), reader->object_size());
            StoredBlob body(std::move(reader), watch_);
            TransferRequest request = authorized;
            request.upload = &body;
            return remote_.document(request, max_answer);
        };
        return remote_.authorized(put, send);
    }

    /// The URL to send a blob to.
    std::string begin_upload(const Refusals& refusals) {
        TransferRequest request{remote_.url("blobs/uploads/"),
                                {"Content-Type: application/octet-stream"}};
        request.body.emplace();
        const HttpAnswer answer = remote_.ask(request, max_answer);
        const auto location = answer.field("Location");
        if (answer.status != 202 || !location) remote_.refuse(answer, refusals);
        std::string url = resolve_location(request.url, std::string(*location));
        if (!url.empty()) return url;
        throw Error(ErrorCode::unavailable,
                    remote_.context() +
                        ": the registry names no usable place to send a blob to; it may stand "
                        "behind a proxy that does not tell it about https");
    }

    void send_manifest(const Manifest& manifest, const std::string& reference) {
        TransferRequest request{remote_.url("manifests/" + reference),
                                {"Content-Type: " + manifest.media_type.str()}};
        request.body.emplace(manifest.bytes);
        request.method = "PUT";
        const HttpAnswer answer = remote_.ask(request, max_answer);
        if (answer.status == 201) return;
        remote_.refuse(answer, {"manifest " + reference, ErrorCode::name_unknown,
                                ErrorCode::manifest_invalid});
    }

    Registry& registry_;
    const RepositoryName& repository_;
    CopyWatch watch_;
    RemoteRegistry remote_;
};

}  // namespace

Digest push_image(Registry& registry, const RepositoryName& repository, const Reference& reference,
                  std::string_view target, const RemoteOptions& options) {
    detail::require_may_wait();
    return ImagePush(registry, repository, RemoteImage::parse(target), options).run(reference);
}

}  // namespace pkgreg
