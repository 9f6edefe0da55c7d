#include "registry/uploads.hpp"

#include "base/random_id.hpp"
#include "base/suspend.hpp"

#include <algorithm>
#include <exception>
#include <set>
#include <span>
#include <string>
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

void require_offset(const UploadSession& session, std::optional<std::uint64_t> offset) {
    if (!offset || *offset == session.offset) return;
    throw Error(ErrorCode::range_invalid, "the upload has " + std::to_string(session.offset) +
                                              " bytes, so the next chunk begins at offset " +
                                              std::to_string(session.offset) + ", not " +
                                              std::to_string(*offset));
}

[[noreturn]] void busy() {
    throw Error(ErrorCode::blob_upload_invalid,
                "another request is writing to this upload; wait for it, then ask for the "
                "upload's status");
}

[[noreturn]] void unknown(const UploadId& id) {
    throw Error(
        ErrorCode::blob_upload_unknown,
        "no upload '" + id.substr(0, 80) +
            "' in this repository: it was finished, cancelled, or idle for too long, or the "
            "registry was restarted. Begin a new one");
}

}  // namespace

Uploads::Uploads(ObjectStore& store, BlobStorage& blobs, const RegistryOptions& options)
    : store_(store),
      blobs_(blobs),
      options_(options),
      buffers_(std::make_shared<BufferPool>(options.buffer_size, options.max_buffers)),
      states_(store),
      shared_(!store.capabilities().exclusive) {}

awaitable<UploadStatus> Uploads::begin(const RepositoryName& repository,
                                       DigestAlgorithm algorithm) {
    auto session = std::make_shared<UploadSession>(repository, random_uuid(), algorithm);
    if (shared_) {
        co_await write_state(*session);
    } else {
        const std::lock_guard lock(mutex_);
        table_.emplace(session->uuid, session);
    }
    co_return UploadStatus{session->id(), 0};
}

std::shared_ptr<UploadSession> Uploads::find_locked(const RepositoryName& repository,
                                                    const UploadId& id) {
    const auto found = table_.find(id);
    if (found == table_.end() || found->second->repository != repository) unknown(id);
    return found->second;
}

awaitable<UploadStatus> Uploads::status(const RepositoryName& repository, const UploadId& id) {
    if (shared_) {
        auto name = UploadName::parse(id);
        if (!name) unknown(id);
        name->state.clear();  // a client that asks wants to know the furthest one
        const auto state = co_await find_state(repository, *name);
        co_return UploadStatus{name->id(), state->hasher.size()};
    }
    const std::lock_guard lock(mutex_);
    const auto session = find_locked(repository, id);
    co_return UploadStatus{session->id(), session->seen_offset_};
}

/// The state that a name stands for; the furthest one where it does not say. Throws
/// `blob_upload_unknown`.
awaitable<std::shared_ptr<const UploadState>> Uploads::find_state(const RepositoryName& repository,
                                                                  UploadName& name) {
    std::shared_ptr<const UploadState> state;
    if (!name.state.empty()) state = co_await states_.read(name.uuid, name.state);
    if (!state) {
        // What stands before the named one is what a repeated request left of an upload that is
        // done.
        const auto named = StateName::parse(name.state);
        name.state = co_await states_.newest(name.uuid);
        const auto newest = StateName::parse(name.state);
        if (!newest || (named && newest->offset < named->offset)) unknown(name.uuid);
        state = co_await states_.read(name.uuid, name.state);
    }
    if (!state || state->repository != repository) unknown(name.uuid);
    co_return state;
}

awaitable<Uploads::Claim> Uploads::claim(const RepositoryName& repository, const UploadId& id,
                                         std::optional<std::uint64_t> offset) {
    if (shared_) co_return co_await claim_shared(repository, id, offset);
    co_return claim_local(repository, id, offset);
}

Uploads::Claim Uploads::claim_local(const RepositoryName& repository, const UploadId& id,
                                    std::optional<std::uint64_t> offset) {
    const std::lock_guard lock(mutex_);
    auto session = find_locked(repository, id);
    if (session->claimed_) busy();
    require_offset(*session, offset);
    session->claimed_ = true;
    return Claim(*this, std::move(session));
}

awaitable<Uploads::Claim> Uploads::claim_shared(const RepositoryName& repository,
                                                const UploadId& id,
                                                std::optional<std::uint64_t> offset) {
    auto name = UploadName::parse(id);
    if (!name) unknown(id);
    auto session = std::make_shared<UploadSession>(repository, name->uuid, DigestAlgorithm::sha256);
    {
        const std::lock_guard lock(mutex_);
        if (!table_.try_emplace(name->uuid, session).second) busy();
        session->claimed_ = true;
    }
    Claim claim(*this, session);
    const auto state = co_await find_state(repository, *name);
    session->hasher = state->hasher;
    session->offset = state->hasher.size();
    session->states = state->earlier;
    session->states.push_back(name->state);
    require_offset(*session, offset);
    session->content = blobs_.begin(state->segments);
    require_fresh(*session);
    co_return claim;
}

/// What an upload wrote is only certain to be there as long as its state is not too old: what no
/// state and no blob names is removed, after twice this time.
void Uploads::require_fresh(const UploadSession& session) const {
    if (session.states.empty()) return;
    const auto state = StateName::parse(session.states.back());
    const auto age = std::chrono::system_clock::now() - state->written;
    if (age > options_.upload_idle_limit) unknown(session.uuid);
}

Uploads::Claim::~Claim() {
    if (!session_) return;
    std::shared_ptr<UploadSession> dropped;  // destroyed behind the lock: it removes a file
    const std::lock_guard lock(uploads_->mutex_);
    session_->claimed_ = false;
    session_->seen_offset_ = session_->offset;
    if (session_->content) session_->seen_segments_ = session_->content->segments();
    session_->last_active_ = UploadSession::Clock::now();
    if (finished_ || session_->broken || uploads_->shared_) {
        uploads_->table_.erase(session_->uuid);
        dropped = std::move(session_);
    }
}

awaitable<void> Uploads::settle(UploadSession& session) {
    if (session.broken || !session.content) co_return;
    session.broken = true;
    co_await session.content->settle();
    session.broken = false;
}

awaitable<void> Uploads::write_state(UploadSession& session) {
    UploadState state{session.repository, session.hasher};
    if (session.content) state.segments = session.content->segments();
    state.earlier = session.states;
    std::string name = co_await states_.write(session.uuid, std::move(state));
    session.states.push_back(std::move(name));
}

awaitable<UploadStatus> Uploads::keep(Claim& claim) {
    UploadSession& session = *claim;
    co_await settle(session);
    if (shared_ && !session.broken) co_await write_state(session);
    co_return UploadStatus{session.id(), session.offset};
}

awaitable<void> Uploads::finish(Claim& claim) {
    claim.finished_ = true;
    if (shared_) co_await states_.remove(claim->uuid, claim->states);
}

awaitable<void> Uploads::receive(UploadSession& session, BodySource& body) {
    if (!session.content) session.content = blobs_.begin();

    std::exception_ptr error;
    std::optional<HashChain> hashing;
    std::uint64_t received = 0;
    try {
        while (true) {
            if (!body.ready()) {
                if (hashing) hashing->start();
                co_await body.wait();
            }
            session.broken = true;
            UploadBuffer buffer = co_await session.content->buffer();
            session.broken = false;
            if (buffer.room.empty()) {
                std::shared_ptr<std::byte[]> own = buffers_->try_acquire();
                if (!own) {
                    if (hashing) hashing->start();
                    own = co_await buffers_->acquire();
                }
                buffer.room = std::span(own.get(), buffers_->buffer_size());
                buffer.owner = std::move(own);
            }
            const std::size_t n = co_await body.read(
                buffer.room.first(std::min(buffer.room.size(), options_.buffer_size)));
            if (n == 0) break;
            const std::span<const std::byte> piece = buffer.room.first(n);
            received += n;
            if (!hashing && options_.pool && received > hash_inline_limit) {
                hashing.emplace(*options_.pool);
            }
            if (hashing) {
                hashing->add(
                    [&session, owner = buffer.owner, piece] { session.hasher.update(piece); },
                    worth_waking);
            } else {
                session.hasher.update(piece);
            }
            session.offset += n;
            session.broken = true;
            co_await session.content->append(piece, std::move(buffer.owner));
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
    if (session.content) {
        const auto reader = co_await session.content->read_back();
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

awaitable<void> Uploads::cancel(Claim& claim) {
    claim.finished_ = true;
    if (shared_) co_await states_.remove_all(claim->uuid);
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

awaitable<std::size_t> Uploads::expire() {
    buffers_->trim();
    store_.trim();
    if (shared_) {
        std::set<std::string> busy;
        {
            const std::lock_guard lock(mutex_);
            for (const auto& entry : table_) busy.insert(entry.first);
        }
        co_return co_await states_.expire(options_.upload_idle_limit, busy);
    }
    const auto limit = UploadSession::Clock::now() - options_.upload_idle_limit;
    co_return drop_if([&](const UploadSession& session) { return session.last_active_ < limit; });
}

std::vector<layout::Segment> Uploads::local_segments() {
    std::vector<layout::Segment> segments;
    const std::lock_guard lock(mutex_);
    for (const auto& [uuid, session] : table_) {
        segments.insert(segments.end(), session->seen_segments_.begin(),
                        session->seen_segments_.end());
    }
    return segments;
}

awaitable<void> Uploads::drop_all_of(const RepositoryName& repository) {
    if (!shared_) {
        drop_if([&](const UploadSession& session) { return session.repository == repository; });
        co_return;
    }
    const std::set<std::string> uploads = co_await states_.uploads();
    for (const std::string& uuid : uploads) {
        const std::string newest = co_await states_.newest(uuid);
        if (newest.empty()) continue;
        const auto state = co_await states_.read(uuid, newest);
        if (state && state->repository == repository) co_await states_.remove_all(uuid);
    }
}

}  // namespace pkgreg
