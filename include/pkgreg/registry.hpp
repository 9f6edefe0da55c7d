// Registry: the engine. Repositories, blobs, uploads, manifests, tags and referrers over an
// ObjectStore; what the protocols, the C ABI and the program all call.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/byte_range.hpp"
#include "pkgreg/descriptor.hpp"
#include "pkgreg/digest.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/media_type.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/packages.hpp"
#include "pkgreg/work_pool.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pkgreg {

/// How a registry behaves. The defaults are what a user expects who sets nothing.
struct RegistryOptions {
    RegistryOptions() noexcept {}  // not an aggregate, see PutOptions

    // Behaviour.
    /// Refuse every change with `read_only`.
    bool read_only = false;
    /// Allow deletion of tags, manifests, blobs and repositories (else `unsupported`).
    bool deletion = true;
    /// Largest manifest accepted, in bytes. The specification asks for at least 4 MB.
    std::size_t max_manifest_size = std::size_t{4} << 20;
    /// An upload that got no bytes for this long is given up and its bytes are removed.
    std::chrono::seconds upload_idle_limit = std::chrono::hours(24);

    /// Open although the storage cannot be used at the moment (a server that is down, keys that are
    /// refused): calls throw what the storage says until it can be used. That it holds a registry
    /// is checked then. For storage that is reached over a network.
    bool may_open_late = false;

    /// What no blob and no upload names is left alone until it is this old; at least twice
    /// `upload_idle_limit`, whatever is said here, so that no running upload loses a part.
    std::chrono::seconds orphan_grace = std::chrono::hours(48);

    // Performance.
    /// Size of one transfer buffer, in bytes. Each is handed to two other threads (hash, write), so
    /// small ones cost more in handing over than in work.
    std::size_t buffer_size = std::size_t{1} << 20;
    /// How many transfer buffers there are at most, for all uploads together; who finds none waits.
    std::size_t max_buffers = 16;
    /// Threads that hash beside the transfer; null: hash on the caller's thread.
    std::shared_ptr<WorkPool> pool = nullptr;

    /// Where the registry tells what it does; may be empty.
    LogCallback log = {};
};

/// A blob as a repository serves it.
struct BlobInfo {
    Digest digest;
    /// Size in bytes.
    std::uint64_t size = 0;
};

/// The name of an upload: a version 4 UUID (RFC 4122) in lower case.
using UploadId = std::string;

/// Where an upload stands.
struct UploadStatus {
    UploadId id;
    /// How many bytes it has: the offset of the next one.
    std::uint64_t offset = 0;
};

/// A stored manifest. The bytes are exactly those that were pushed.
struct Manifest {
    Digest digest;
    MediaType media_type;
    /// Lies inside `*owner`.
    std::string_view bytes;
    std::shared_ptr<const std::string> owner;
};

/// What the push of a manifest did.
struct PutManifestResult {
    Digest digest;
    /// The manifest's `subject`, which was indexed.
    std::optional<Digest> subject;
};

/// A manifest by its tag or by its digest.
using Reference = std::variant<Tag, Digest>;

/// Reads a digest (when there is a colon) or a tag. Throws `digest_invalid` or `name_invalid`.
Reference parse_reference(std::string_view text);

/// Something in the storage that nothing needs, such as what a process that was killed left behind.
struct Orphan {
    enum class Kind : std::uint8_t {
        segment,            ///< An object with content of a blob that never came to be.
        unfinished_upload,  ///< Begun, neither completed nor given up: S3's multipart upload.
    };
    Kind kind = Kind::segment;
    std::string key;
    /// The storage's name of an unfinished upload, else empty.
    std::string upload_id = {};
    /// Size in bytes, where it is known.
    std::uint64_t size = 0;
    /// When it was written or begun, in nanoseconds since the Unix epoch.
    std::int64_t modified = 0;
};

/// One page of names.
struct NamePage {
    std::vector<std::string> names;
    /// Whether there are more behind the last one.
    bool more = false;
};

/// One page of referrers.
struct ReferrerPage {
    /// Descriptors as JSON objects, each with `mediaType`, `digest`, `size`, and `artifactType` and
    /// `annotations` where the manifest has them.
    std::vector<std::string> descriptors;
    /// Pass it as `last` to get the page behind; empty at the end.
    std::string next;
};

/// A package registry over one store.
///
/// Every member may be called from any thread, any number at once. A change is durable when its
/// call completes. Every call throws the codes of `ObjectStore` beside its own; a call that changes
/// something throws `read_only` in read-only mode, and one that deletes throws `unsupported` where
/// deletion is off.
class Registry {
 public:
    /// Opens the registry that `store` holds, or makes a new one in an empty store. Throws
    /// `incompatible` when the store holds something else or a format that this version cannot
    /// handle.
    static awaitable<std::shared_ptr<Registry>> open(std::shared_ptr<ObjectStore> store,
                                                     RegistryOptions options = {});
    virtual ~Registry() = default;

    virtual const RegistryOptions& options() const noexcept = 0;  ///< As it was opened.
    virtual ObjectStore& store() noexcept = 0;  ///< Lives as long as the registry.

    // Blobs.

    /// The blob, or nothing where the repository does not serve it.
    virtual awaitable<std::optional<BlobInfo>> find_blob(const RepositoryName& repository,
                                                         const Digest& digest) = 0;
    /// Opens a blob for reading, or null. A range that cannot be satisfied gives a reader without
    /// an interval.
    virtual awaitable<std::unique_ptr<ObjectReader>> open_blob(const RepositoryName& repository,
                                                               const Digest& digest,
                                                               ByteRange range = {}) = 0;
    /// A URL by which anyone can read the blob from the storage itself for `lifetime`; nothing
    /// where the repository does not serve the blob, or the storage has no such URL for it.
    virtual awaitable<std::optional<std::string>> blob_url(const RepositoryName& repository,
                                                           const Digest& digest,
                                                           std::chrono::seconds lifetime) = 0;
    /// Lets `repository` serve a blob that `from` serves, or, with `from` not given, that any
    /// repository may have brought. Nothing when there is no such blob.
    virtual awaitable<std::optional<BlobInfo>> mount_blob(
        const RepositoryName& repository, const Digest& digest,
        const std::optional<RepositoryName>& from) = 0;
    /// Takes the blob out of the repository. Throws `blob_unknown`, or `in_use` while a manifest of
    /// the repository refers to it. The bytes go with the collection of garbage.
    virtual awaitable<void> delete_blob(const RepositoryName& repository, const Digest& digest) = 0;

    // Uploads.

    /// Begins an upload; the blob will be named by `algorithm` unless the commit says otherwise.
    virtual awaitable<UploadStatus> begin_upload(
        const RepositoryName& repository, DigestAlgorithm algorithm = DigestAlgorithm::sha256) = 0;
    /// Throws `blob_upload_unknown`.
    virtual awaitable<UploadStatus> upload_status(const RepositoryName& repository,
                                                  const UploadId& id) = 0;
    /// Appends a body. With `offset`, throws `range_invalid` unless the upload stands exactly
    /// there. When the body breaks off, what came stays and the upload can go on from there. One
    /// call at a time may write to an upload; another throws `blob_upload_invalid`.
    virtual awaitable<UploadStatus> append_upload(const RepositoryName& repository,
                                                  const UploadId& id,
                                                  std::optional<std::uint64_t> offset,
                                                  BodySource& body) = 0;
    /// Appends the rest of the content (`body` may be null) and makes the upload a blob of the
    /// repository. Throws `digest_invalid`, and gives the upload up, when the content does not hash
    /// to `digest` (nothing: whatever it hashes to, by the algorithm that the upload began with).
    /// Committing content that is there already is not an error.
    virtual awaitable<BlobInfo> commit_upload(const RepositoryName& repository, const UploadId& id,
                                              const std::optional<Digest>& digest,
                                              std::optional<std::uint64_t> offset,
                                              BodySource* body) = 0;
    /// Gives an upload up. Throws `blob_upload_unknown`.
    virtual awaitable<void> cancel_upload(const RepositoryName& repository, const UploadId& id) = 0;
    /// A whole blob in one call; without a digest it gets that of its SHA-256.
    virtual awaitable<BlobInfo> put_blob(const RepositoryName& repository,
                                         const std::optional<Digest>& digest,
                                         BodySource& body) = 0;
    /// Gives up uploads that have been idle for longer than the limit; returns how many. The server
    /// calls it by itself.
    virtual awaitable<std::size_t> expire_uploads() = 0;

    // Manifests and tags.

    /// The manifest, or nothing.
    virtual awaitable<std::optional<Manifest>> find_manifest(const RepositoryName& repository,
                                                             const Reference& reference) = 0;
    /// Stores a manifest and points `reference` (where it is a tag) and `tags` at it.
    ///
    /// @param media_type the `Content-Type` it was pushed with; nothing: taken from the manifest
    /// Throws `manifest_invalid` (with the field), `manifest_blob_unknown` (with the digest that is
    /// missing), `digest_invalid` when `reference` is a digest and the bytes have another one,
    /// `too_large`.
    virtual awaitable<PutManifestResult> put_manifest(const RepositoryName& repository,
                                                      const Reference& reference,
                                                      const std::optional<MediaType>& media_type,
                                                      std::string_view bytes,
                                                      const std::vector<Tag>& tags = {}) = 0;
    /// Removes a tag, or a manifest with all tags that point at it. Throws `manifest_unknown`, or
    /// `in_use` while another manifest of the repository refers to it.
    virtual awaitable<void> delete_manifest(const RepositoryName& repository,
                                            const Reference& reference) = 0;
    /// Removes everything that the repository has. Throws `name_unknown`.
    virtual awaitable<void> delete_repository(const RepositoryName& repository) = 0;

    // Lists, in byte order; `last` is the name behind which to go on, `n` is 0 to 1,000.

    /// Throws `name_unknown` for a repository that never held a manifest.
    virtual awaitable<NamePage> list_tags(const RepositoryName& repository, std::string_view last,
                                          std::size_t n) = 0;
    virtual awaitable<NamePage> list_repositories(std::string_view last, std::size_t n) = 0;
    /// Manifests of the repository whose `subject` is `subject`, those listed under a tag of the
    /// referrers tag schema included.
    virtual awaitable<ReferrerPage> list_referrers(const RepositoryName& repository,
                                                   const Digest& subject,
                                                   const std::optional<std::string>& artifact_type,
                                                   std::string_view last, std::size_t n) = 0;

    // Upkeep.

    /// What lies in the storage though nothing needs it: segments that no blob and no upload names,
    /// and uploads of the storage's own that nobody finished; at least as old as
    /// `RegistryOptions::orphan_grace`. Reads every key of a blob, so it takes a while.
    virtual awaitable<std::vector<Orphan>> list_orphans() = 0;
    /// Removes what `list_orphans` told; how many. What cannot be removed stays for the next time.
    virtual awaitable<std::size_t> remove_orphans(const std::vector<Orphan>& orphans) = 0;

    /// Puts blobs together that lie in many small objects, as pushes in chunks leave them in a
    /// bucket: those that this instance pushed or met since the last call. Moves few bytes, since
    /// S3 copies by itself. Returns how many; nothing to do where a blob is one file.
    virtual awaitable<std::size_t> merge_segments() = 0;

    // Packages.

    /// The DC/OS packages that the registry holds; lives as long as the registry.
    virtual Packages& packages() noexcept = 0;
};

}  // namespace pkgreg
