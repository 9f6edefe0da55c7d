// Uploads: content on its way in. Receives bodies into buffers of a bounded pool, hashes beside the
// write, and keeps the table of uploads that are under way. In a registry that is shared that table
// only holds what a request of this instance works at; what is between requests lies in the store.
#pragma once

#include "pkgreg/hasher.hpp"
#include "pkgreg/registry.hpp"

#include "base/buffer_pool.hpp"
#include "registry/blob_storage.hpp"
#include "registry/upload_states.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace pkgreg {

/// One upload. Its content belongs to whoever holds the claim; the rest is fixed.
class UploadSession {
 public:
    using Clock = std::chrono::steady_clock;

    UploadSession(RepositoryName name, std::string upload_uuid, DigestAlgorithm algorithm)
        : repository(std::move(name)), uuid(std::move(upload_uuid)), hasher(algorithm) {}

    const RepositoryName repository;
    const std::string uuid;

    Hasher hasher;
    /// Null until the first byte: an upload that is begun and cancelled leaves no trace.
    std::unique_ptr<BlobUpload> content;
    std::uint64_t offset = 0;
    /// Names of its states in the store, oldest first; the last one is where it stood.
    std::vector<std::string> states = {};

    /// What the client is told to go on with.
    UploadId id() const { return states.empty() ? uuid : UploadName{uuid, states.back()}.id(); }
    /// A write to the storage failed: what is stored is not what was hashed.
    bool broken = false;

 private:
    friend class Uploads;
    bool claimed_ = false;           // guarded by the table's mutex
    std::uint64_t seen_offset_ = 0;  // likewise: the offset when the claim was last given back
    std::vector<layout::Segment> seen_segments_ = {};  // likewise
    Clock::time_point last_active_ = Clock::now();     // likewise
};

class Uploads {
 public:
    Uploads(ObjectStore& store, BlobStorage& blobs, const RegistryOptions& options);

    /// The right to write to an upload, for one call. Given back at the end; an upload that is
    /// broken or was finished leaves the table then.
    class Claim {
     public:
        Claim(Uploads& uploads, std::shared_ptr<UploadSession> session) noexcept
            : uploads_(&uploads), session_(std::move(session)) {}
        Claim(Claim&& other) noexcept = default;
        Claim& operator=(Claim&&) = delete;
        ~Claim();

        UploadSession& operator*() const noexcept { return *session_; }
        UploadSession* operator->() const noexcept { return session_.get(); }

     private:
        friend class Uploads;
        Uploads* uploads_;
        std::shared_ptr<UploadSession> session_;
        bool finished_ = false;
    };

    awaitable<UploadStatus> begin(const RepositoryName& repository, DigestAlgorithm algorithm);
    /// Throws `blob_upload_unknown`.
    awaitable<UploadStatus> status(const RepositoryName& repository, const UploadId& id);
    /// Throws `blob_upload_unknown`, `blob_upload_invalid` while another call holds it, and
    /// `range_invalid` when it does not stand at `offset`.
    awaitable<Claim> claim(const RepositoryName& repository, const UploadId& id,
                           std::optional<std::uint64_t> offset);
    /// After a body came, whole or not: makes sure that the upload can go on from there.
    awaitable<UploadStatus> keep(Claim& claim);
    /// The upload is over: committed, or refused for good.
    awaitable<void> finish(Claim& claim);
    /// The client wants no more of it.
    awaitable<void> cancel(Claim& claim);
    /// Throws `blob_upload_unknown` when the upload stood still for longer than the limit.
    void require_fresh(const UploadSession& session) const;
    /// All states of uploads, where they lie in the store.
    UploadStates& states() noexcept { return states_; }
    /// The segments of all uploads that are only known here. Those that a call is writing may be
    /// missing.
    std::vector<layout::Segment> local_segments();
    /// Whether an upload survives a commit that fails for a reason that may pass.
    bool survive_failures() const noexcept { return shared_; }

    /// Appends a body to the content. When the body breaks off, what came is kept and counted.
    awaitable<void> receive(UploadSession& session, BodySource& body);
    /// The digest of the content, in the algorithm that is asked for.
    awaitable<Digest> digest(UploadSession& session, DigestAlgorithm algorithm);

    /// Gives up what has been idle for longer than the limit, and every upload of a repository.
    awaitable<std::size_t> expire();
    awaitable<void> drop_all_of(const RepositoryName& repository);

    /// The transfer buffers, for others who receive bodies.
    const std::shared_ptr<BufferPool>& buffers() const noexcept { return buffers_; }

 private:
    using Table = std::unordered_map<std::string, std::shared_ptr<UploadSession>>;

    std::shared_ptr<UploadSession> find_locked(const RepositoryName& repository,
                                               const UploadId& id);
    Claim claim_local(const RepositoryName& repository, const UploadId& id,
                      std::optional<std::uint64_t> offset);
    awaitable<Claim> claim_shared(const RepositoryName& repository, const UploadId& id,
                                  std::optional<std::uint64_t> offset);
    awaitable<std::shared_ptr<const UploadState>> find_state(const RepositoryName& repository,
                                                             UploadName& name);
    awaitable<void> settle(UploadSession& session);
    awaitable<void> write_state(UploadSession& session);
    template <class Predicate>
    std::size_t drop_if(Predicate predicate);

    ObjectStore& store_;
    BlobStorage& blobs_;
    const RegistryOptions& options_;
    std::shared_ptr<BufferPool> buffers_;
    UploadStates states_;
    const bool shared_;
    std::mutex mutex_;
    Table table_;
};

}  // namespace pkgreg
