#include "registry/uploads.hpp"

#include "base/random_id.hpp"
#include "base/suspend.hpp"

#include <exception>
#include <span>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

/// A body up to this size is hashed where it is received: handing it to another core would take
/// longer than the hash.
constexpr std::uint64_t hash_inline_limit = 128 * 1024;

/// When this many buffers of one upload wait for the hash, receiving stops until few are left.
constexpr std::size_t most_unhashed_buffers = 6;
constexpr std::size_t few_unhashed_buffers = 2;
/// While more comes, the hash begins when this many wait for it.
constexpr std::size_t worth_waking = 3;

/// Is over before what it hashes into: a coroutine that waits for its body may be destroyed there.
class HashChain : public WorkChain {
 public:
    using WorkChain::WorkChain;
    ~HashChain() { stop(); }
};

[[noreturn]] void unknown(const UploadId& id) {
    throw Error(
        ErrorCode::blob_upload_unknown,
        "no upload '" + id.substr(0, 80) +
            "' in this repository: it was finished, cancelled, or idle for too long, or the "
            "registry was restarted. Begin a new one");
}

}  // namespace

Uploads::Uploads(ObjectStore& store, const RegistryOptions& options)
    : store_(store),
      options_(options),
      buffers_(std::make_shared<BufferPool>(options.buffer_size, options.max_buffers)) {}

UploadStatus Uploads::begin(const RepositoryName& repository, DigestAlgorithm algorithm) {
    auto session = std::make_shared<UploadSession>(repository, random_uuid(), algorithm);
    UploadStatus status{session->id, 0};
    const std::lock_guard lock(mutex_);
    table_.emplace(session->id, std::move(session));
    return status;
}

std::shared_ptr<UploadSession> Uploads::find_locked(const RepositoryName& repository,
                                                    const UploadId& id) {
    const auto found = table_.find(id);
    if (found == table_.end() || found->second->repository != repository) unknown(id);
    return found->second;
}

UploadStatus Uploads::status(const RepositoryName& repository, const UploadId& id) {
    const std::lock_guard lock(mutex_);
    const auto session = find_locked(repository, id);
    return {session->id, session->seen_offset_};
}

Uploads::Claim Uploads::claim(const RepositoryName& repository, const UploadId& id,
                              std::optional<std::uint64_t> offset) {
    const std::lock_guard lock(mutex_);
    auto session = find_locked(repository, id);
    if (session->claimed_) {
        throw Error(ErrorCode::blob_upload_invalid,
                    "another request is writing to this upload; wait for it, then ask for the "
                    "upload's status");
    }
    if (offset && *offset != session->offset) {
        throw Error(ErrorCode::range_invalid, "the upload has " + std::to_string(session->offset) +
                                                  " bytes, so the next chunk begins at offset " +
                                                  std::to_string(session->offset) + ", not " +
                                                  std::to_string(*offset));
    }
    session->claimed_ = true;
    return Claim(*this, std::move(session));
}

Uploads::Claim::~Claim() {
    if (!session_) return;
    std::shared_ptr<UploadSession> dropped;  // destroyed behind the lock: it removes a file
    const std::lock_guard lock(uploads_->mutex_);
    session_->claimed_ = false;
    session_->seen_offset_ = session_->offset;
    session_->last_active_ = UploadSession::Clock::now();
    if (finished_ || session_->broken) {
        uploads_->table_.erase(session_->id);
        dropped = std::move(session_);
    }
}

awaitable<void> Uploads::receive(UploadSession& session, BodySource& body) {
    if (!session.object) session.object = co_await store_.begin_upload(std::nullopt);

    std::exception_ptr error;
    std::optional<HashChain> hashing;
    std::uint64_t received = 0;
    try {
        while (true) {
            if (!body.ready()) {
                if (hashing) hashing->start();
                co_await body.wait();
            }
            std::shared_ptr<std::byte[]> buffer = buffers_->try_acquire();
            if (!buffer) {
                if (hashing) hashing->start();
                buffer = co_await buffers_->acquire();
            }
            const std::span<std::byte> room(buffer.get(), buffers_->buffer_size());
            const std::size_t n = co_await body.read(room);
            if (n == 0) break;
            const std::span<const std::byte> piece = room.first(n);
            received += n;
            if (!hashing && options_.pool && received > hash_inline_limit) {
                hashing.emplace(*options_.pool);
            }
            if (hashing) {
                hashing->add([&session, buffer, piece] { session.hasher.update(piece); },
                             worth_waking);
            } else {
                session.hasher.update(piece);
            }
            session.offset += n;
            session.broken = true;
            co_await session.object->append(piece, buffer);
            session.broken = false;
            if (hashing) co_await hashing->throttle(most_unhashed_buffers, few_unhashed_buffers);
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (hashing) co_await hashing->drain();
    if (error) std::rethrow_exception(error);
}

awaitable<Digest> Uploads::digest(UploadSession& session, DigestAlgorithm algorithm) {
    if (session.hasher.algorithm() == algorithm) co_return session.hasher.digest();
    Hasher hasher(algorithm);
    if (session.object) {
        co_await session.object->flush();
        const auto reader = co_await session.object->read_back();
        const std::shared_ptr<std::byte[]> buffer = co_await buffers_->acquire();
        const std::span<std::byte> room(buffer.get(), buffers_->buffer_size());
        while (true) {
            const std::size_t n = co_await reader->read(room);
            if (n == 0) break;
            hasher.update(room.first(n));
        }
    }
    co_return hasher.digest();
}

template <class Predicate>
std::size_t Uploads::drop_if(Predicate predicate) {
    std::vector<std::shared_ptr<UploadSession>> dropped;  // destroyed behind the lock
    const std::lock_guard lock(mutex_);
    for (auto entry = table_.begin(); entry != table_.end();) {
        if (!entry->second->claimed_ && predicate(*entry->second)) {
            dropped.push_back(std::move(entry->second));
            entry = table_.erase(entry);
        } else {
            ++entry;
        }
    }
    return dropped.size();
}

std::size_t Uploads::expire() {
    buffers_->trim();
    const auto limit = UploadSession::Clock::now() - options_.upload_idle_limit;
    return drop_if([&](const UploadSession& session) { return session.last_active_ < limit; });
}

void Uploads::drop_all_of(const RepositoryName& repository) {
    drop_if([&](const UploadSession& session) { return session.repository == repository; });
}

}  // namespace pkgreg
