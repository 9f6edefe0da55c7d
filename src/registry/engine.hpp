// Engine: the one implementation of Registry, over any store. Its members are spread over files by
// what they handle: blobs.cpp, manifests.cpp, referrers.cpp, lists.cpp, orphans.cpp. Packages have
// a class and a folder of their own, packages/, which uses what is private here.
#pragma once

#include "pkgreg/registry.hpp"

#include "registry/blob_storage.hpp"
#include "registry/manifest_document.hpp"
#include "registry/manifest_keys.hpp"
#include "registry/packages/packages.hpp"
#include "registry/reference_cache.hpp"
#include "registry/repository_locks.hpp"
#include "registry/tags.hpp"
#include "registry/uploads.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pkgreg {

class Engine final : public Registry {
 public:
    Engine(std::shared_ptr<ObjectStore> store, RegistryOptions options);

    const RegistryOptions& options() const noexcept override { return options_; }
    ObjectStore& store() noexcept override { return *store_; }

    awaitable<std::optional<BlobInfo>> find_blob(const RepositoryName& repository,
                                                 const Digest& digest) override;
    awaitable<std::unique_ptr<ObjectReader>> open_blob(const RepositoryName& repository,
                                                       const Digest& digest,
                                                       ByteRange range) override;
    awaitable<std::optional<std::string>> blob_url(const RepositoryName& repository,
                                                   const Digest& digest,
                                                   std::chrono::seconds lifetime) override;
    awaitable<std::optional<BlobInfo>> mount_blob(
        const RepositoryName& repository, const Digest& digest,
        const std::optional<RepositoryName>& from) override;
    awaitable<void> delete_blob(const RepositoryName& repository, const Digest& digest) override;

    awaitable<UploadStatus> begin_upload(const RepositoryName& repository,
                                         DigestAlgorithm algorithm) override;
    awaitable<UploadStatus> upload_status(const RepositoryName& repository,
                                          const UploadId& id) override;
    awaitable<UploadStatus> append_upload(const RepositoryName& repository, const UploadId& id,
                                          std::optional<std::uint64_t> offset,
                                          BodySource& body) override;
    awaitable<BlobInfo> commit_upload(const RepositoryName& repository, const UploadId& id,
                                      const std::optional<Digest>& digest,
                                      std::optional<std::uint64_t> offset,
                                      BodySource* body) override;
    awaitable<void> cancel_upload(const RepositoryName& repository, const UploadId& id) override;
    awaitable<BlobInfo> put_blob(const RepositoryName& repository,
                                 const std::optional<Digest>& digest, BodySource& body) override;
    awaitable<std::size_t> expire_uploads() override;

    awaitable<std::optional<Manifest>> find_manifest(const RepositoryName& repository,
                                                     const Reference& reference) override;
    awaitable<PutManifestResult> put_manifest(const RepositoryName& repository,
                                              const Reference& reference,
                                              const std::optional<MediaType>& media_type,
                                              std::string_view bytes,
                                              const std::vector<Tag>& tags) override;
    awaitable<void> delete_manifest(const RepositoryName& repository,
                                    const Reference& reference) override;
    awaitable<void> delete_repository(const RepositoryName& repository) override;

    awaitable<NamePage> list_tags(const RepositoryName& repository, std::string_view last,
                                  std::size_t n) override;
    awaitable<NamePage> list_repositories(std::string_view last, std::size_t n) override;
    awaitable<ReferrerPage> list_referrers(const RepositoryName& repository, const Digest& subject,
                                           const std::optional<std::string>& artifact_type,
                                           std::string_view last, std::size_t n) override;

    awaitable<std::vector<Orphan>> list_orphans() override;
    awaitable<std::size_t> remove_orphans(const std::vector<Orphan>& orphans) override;
    awaitable<std::size_t> merge_segments() override;

    Packages& packages() noexcept override { return packages_; }

 private:
    friend class EnginePackages;
    friend class BundleReceiver;

    void require_writable() const;
    void require_deletion() const;

    // Keys that are written once: any copy will do.

    /// A key that begins with `prefix`, or nothing.
    awaitable<std::optional<ObjectKey>> find_key(const std::string& prefix);
    /// Makes sure that a copy of what `prefix` names is there and durable; its key if it is new.
    awaitable<std::optional<ObjectKey>> ensure_object(const std::string& prefix,
                                                      std::string_view bytes);
    /// Removes every copy that is there now; whether there was one.
    awaitable<bool> remove_all(const std::string& prefix);

    // Blobs.
    awaitable<bool> is_linked(const RepositoryName& repository, const Digest& digest);
    awaitable<void> link_blob(const RepositoryName& repository, const Digest& digest);
    /// Makes the content a blob, under the digest that it is expected to have, if any is.
    awaitable<BlobInfo> store_blob(const RepositoryName& repository, UploadSession& session,
                                   const std::optional<Digest>& expected);
    /// Appends a body to an upload and keeps what came of it.
    awaitable<UploadStatus> receive(Uploads::Claim& upload, BodySource& body);

    // Manifests.
    void require_manifest_size(std::string_view bytes) const;
    awaitable<std::optional<Manifest>> read_manifest(const RepositoryName& repository,
                                                     const Digest& digest);
    awaitable<bool> has_manifest(const RepositoryName& repository, const Digest& digest);
    awaitable<void> check_references(const RepositoryName& repository,
                                     const ManifestDocument& document);
    awaitable<void> check_blob(const RepositoryName& repository, const Descriptor& blob);
    awaitable<void> check_manifest(const RepositoryName& repository, const Descriptor& manifest);
    awaitable<void> renew_link(const RepositoryName& repository, const Descriptor& blob);
    awaitable<void> renew_references(const RepositoryName& repository,
                                     const ManifestDocument& document,
                                     const std::optional<ObjectKey>& written);
    /// Stores a manifest, with its entry as a referrer. The caller holds the lock to add.
    awaitable<void> store_manifest(const RepositoryName& repository,
                                   const ManifestDocument& document, const Digest& digest,
                                   std::string_view bytes);
    /// Stores a manifest whose blobs are there, in whatever repository, and links those.
    awaitable<void> adopt_manifest(const RepositoryName& repository, const Digest& digest,
                                   const std::optional<MediaType>& media_type,
                                   std::string_view bytes);
    /// What needs the manifest, an index or a package, in words; empty where nothing does.
    awaitable<std::string> find_user(const RepositoryName& repository, const Digest& manifest);
    /// Takes a manifest out that nothing needs, with its entry as a referrer. It comes back where
    /// another instance needed it meanwhile; then this is who, in words. The caller holds the lock
    /// to remove.
    awaitable<std::string> take_out_manifest(const RepositoryName& repository,
                                             const Manifest& manifest,
                                             const ManifestDocument& document);
    awaitable<void> put_back_manifest(const RepositoryName& repository, const Manifest& manifest,
                                      const ManifestDocument& document);
    awaitable<bool> remove_repository_once(const RepositoryName& repository);
    awaitable<std::optional<Digest>> find_referring(const RepositoryName& repository,
                                                    const Digest& target);
    awaitable<bool> manifest_refers(const RepositoryName& repository, const Digest& manifest,
                                    const Digest& target);
    awaitable<void> keep_tagged(const RepositoryName& repository, const ManifestDocument& document,
                                const Digest& digest, std::string_view bytes);

    // Referrers; the descriptions are JSON, or empty for what is not to be shown.
    /// What an index under the tag of the referrers tag schema lists, by
    /// `layout::digest_component`.
    awaitable<std::map<std::string, Digest>> tagged_referrers(const RepositoryName& repository,
                                                              const Digest& subject);
    awaitable<std::string> describe_tagged(const RepositoryName& repository, const Digest& subject,
                                           const Digest& referrer);
    awaitable<std::string> describe_entry(const RepositoryName& repository,
                                          const std::string& name);

    awaitable<bool> is_known(const RepositoryName& repository);

    std::shared_ptr<ObjectStore> store_;
    RegistryOptions options_;
    BlobStorage blobs_;
    Uploads uploads_;
    RepositoryLocks locks_;
    ReferenceCache references_;
    ManifestKeys manifest_keys_;
    Tags tags_;
    EnginePackages packages_;
};

}  // namespace pkgreg
