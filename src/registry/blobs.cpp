// Blobs of the engine: content once per registry, a link per repository that may serve it.

#include "registry/engine.hpp"
#include "registry/layout.hpp"

#include <utility>

namespace pkgreg {
namespace {

[[noreturn]] void blob_unknown(const RepositoryName& repository, const Digest& digest) {
    throw Error(ErrorCode::blob_unknown,
                "repository '" + repository.str() + "' has no blob " + digest.to_string());
}

}  // namespace

awaitable<bool> Engine::is_linked(const RepositoryName& repository, const Digest& digest) {
    const std::string prefix = layout::link_prefix(repository, digest);
    const ListPage page = co_await store_->list(prefix, "", 1);
    co_return !page.keys.empty();
}

awaitable<void> Engine::link_blob(const RepositoryName& repository, const Digest& digest) {
    const std::string prefix = layout::link_prefix(repository, digest);
    co_await ensure_object(prefix, "");
}

awaitable<std::optional<BlobInfo>> Engine::find_blob(const RepositoryName& repository,
                                                     const Digest& digest) {
    const bool linked = co_await is_linked(repository, digest);
    if (!linked) co_return std::nullopt;
    co_return co_await blobs_.find(digest);
}

awaitable<std::unique_ptr<ObjectReader>> Engine::open_blob(const RepositoryName& repository,
                                                           const Digest& digest, ByteRange range) {
    const bool linked = co_await is_linked(repository, digest);
    if (!linked) co_return nullptr;
    co_return co_await blobs_.open(digest, range);
}

awaitable<std::optional<std::string>> Engine::blob_url(const RepositoryName& repository,
                                                       const Digest& digest,
                                                       std::chrono::seconds lifetime) {
    const bool linked = co_await is_linked(repository, digest);
    if (!linked) co_return std::nullopt;
    const auto key = co_await blobs_.object_of(digest);
    if (!key) co_return std::nullopt;
    co_return co_await store_->read_url(*key, lifetime);
}

awaitable<std::optional<BlobInfo>> Engine::mount_blob(const RepositoryName& repository,
                                                      const Digest& digest,
                                                      const std::optional<RepositoryName>& from) {
    require_writable();
    std::optional<BlobInfo> blob;
    if (from) {
        blob = co_await find_blob(*from, digest);
    } else {
        blob = co_await blobs_.find(digest);
    }
    if (!blob) co_return std::nullopt;
    co_await link_blob(repository, digest);
    co_return blob;
}

awaitable<void> Engine::delete_blob(const RepositoryName& repository, const Digest& digest) {
    require_deletion();
    const auto guard = co_await locks_.lock_to_remove(repository);
    const bool linked = co_await is_linked(repository, digest);
    if (!linked) blob_unknown(repository, digest);
    const auto manifest = co_await find_referring(repository, digest);
    if (manifest) {
        throw Error(ErrorCode::in_use, "blob " + digest.to_string() + " belongs to manifest " +
                                           manifest->to_string() + " of repository '" +
                                           repository.str() + "'; delete that first");
    }
    const std::string prefix = layout::link_prefix(repository, digest);
    co_await remove_all(prefix);
    if (store_->capabilities().exclusive) co_return;
    // Another instance may have accepted a manifest between the look and the removal. It renews
    // links that it finds gone after its write; this looks for manifests after the removal: one of
    // the two sees the other.
    const auto newer = co_await find_referring(repository, digest);
    if (newer) {
        co_await link_blob(repository, digest);
        throw Error(ErrorCode::in_use, "blob " + digest.to_string() + " belongs to manifest " +
                                           newer->to_string() +
                                           ", which was pushed at the same moment");
    }
}

awaitable<UploadStatus> Engine::begin_upload(const RepositoryName& repository,
                                             DigestAlgorithm algorithm) {
    require_writable();
    co_return co_await uploads_.begin(repository, algorithm);
}

awaitable<UploadStatus> Engine::upload_status(const RepositoryName& repository,
                                              const UploadId& id) {
    co_return co_await uploads_.status(repository, id);
}

awaitable<UploadStatus> Engine::receive(Uploads::Claim& upload, BodySource& body) {
    std::exception_ptr error;
    try {
        co_await uploads_.receive(*upload, body);
    } catch (...) {
        error = std::current_exception();
    }
    // What came before a body broke off is kept, so it has to be settled in either case.
    const UploadStatus status = co_await uploads_.keep(upload);
    if (error) std::rethrow_exception(error);
    co_return status;
}

awaitable<UploadStatus> Engine::append_upload(const RepositoryName& repository, const UploadId& id,
                                              std::optional<std::uint64_t> offset,
                                              BodySource& body) {
    require_writable();
    Uploads::Claim upload = co_await uploads_.claim(repository, id, offset);
    co_return co_await receive(upload, body);
}

awaitable<BlobInfo> Engine::commit_upload(const RepositoryName& repository, const UploadId& id,
                                          const std::optional<Digest>& digest,
                                          std::optional<std::uint64_t> offset, BodySource* body) {
    require_writable();
    Uploads::Claim upload = co_await uploads_.claim(repository, id, offset);
    if (body) {
        // Nothing hashed yet: the digest's own algorithm costs nothing.
        if (upload->offset == 0 && digest) upload->hasher = Hasher(digest->algorithm());
        std::exception_ptr error;
        try {
            co_await uploads_.receive(*upload, *body);
        } catch (...) {
            error = std::current_exception();
        }
        if (error) {
            co_await uploads_.keep(upload);
            std::rethrow_exception(error);
        }
    }
    std::optional<BlobInfo> blob;
    std::optional<Error> refused;
    try {
        blob = co_await store_blob(repository, *upload, digest);
    } catch (const Error& error) {
        const bool may_pass = error.code() != ErrorCode::digest_invalid;
        if (may_pass && uploads_.survive_failures()) throw;
        refused = error;
    }
    co_await uploads_.finish(upload);
    if (refused) throw *refused;
    co_return *blob;
}

awaitable<void> Engine::cancel_upload(const RepositoryName& repository, const UploadId& id) {
    require_writable();
    Uploads::Claim upload = co_await uploads_.claim(repository, id, std::nullopt);
    co_await uploads_.cancel(upload);
}

awaitable<BlobInfo> Engine::put_blob(const RepositoryName& repository,
                                     const std::optional<Digest>& digest, BodySource& body) {
    require_writable();
    UploadSession session(repository, std::string(),
                          digest ? digest->algorithm() : DigestAlgorithm::sha256);
    co_await uploads_.receive(session, body);
    co_return co_await store_blob(repository, session, digest);
}

awaitable<BlobInfo> Engine::store_blob(const RepositoryName& repository, UploadSession& session,
                                       const std::optional<Digest>& expected) {
    const DigestAlgorithm algorithm = expected ? expected->algorithm() : session.hasher.algorithm();
    const Digest digest = co_await uploads_.digest(session, algorithm);
    if (expected && digest != *expected) {
        throw Error(
            ErrorCode::digest_invalid,
            "the content (" + std::to_string(session.offset) + " bytes) has digest " +
                digest.to_string() + ", not " + expected->to_string() +
                "; it was damaged on its way, or the digest is of something else. Upload it "
                "again");
    }
    uploads_.require_fresh(session);
    const bool there = co_await blobs_.ensure(digest);
    if (there) {
        session.content.reset();
        co_await link_blob(repository, digest);
    } else {
        if (!session.content) session.content = blobs_.begin();
        co_await blobs_.publish(digest, std::move(session.content));
        // New content was linked nowhere, so there is nothing to look for; should a link be there
        // all the same, two are as good as one.
        const ObjectKey link = layout::new_key(layout::link_prefix(repository, digest));
        co_await store_->put(link, "");
    }
    co_return BlobInfo{digest, session.offset};
}

awaitable<std::size_t> Engine::merge_segments() {
    require_writable();
    std::size_t merged = 0;
    const std::vector<Digest> digests = blobs_.take_mergeable();
    for (const Digest& digest : digests) {
        const bool done = co_await blobs_.merge(digest);
        merged += done ? 1 : 0;
    }
    co_return merged;
}

awaitable<std::size_t> Engine::expire_uploads() {
    co_return co_await uploads_.expire();
}

}  // namespace pkgreg
