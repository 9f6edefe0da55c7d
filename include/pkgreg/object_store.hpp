// ObjectStore: the one storage interface. Everything above it is written once, so content can be
// copied between a directory, memory and a bucket key by key.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/byte_range.hpp"
#include "pkgreg/object_key.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

/// What a store tells of an object without its bytes.
struct ObjectInfo {
    /// Size in bytes.
    std::uint64_t size = 0;
    /// A text that changes whenever the object's content does; for `PutOptions::only_if_match`.
    std::string etag = {};
    /// When the object was last written, in nanoseconds since the Unix epoch.
    std::int64_t modified = 0;
};

/// A part of an open file. The descriptor belongs to the reader that returned it.
struct FileRegion {
    int fd = -1;  ///< open for reading; not to be closed
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// An open object, read from front to back. One coroutine uses it at a time. An object that is
/// removed or replaced while it is read goes on with the bytes it had, or throws; it never mixes.
class ObjectReader {
 public:
    virtual ~ObjectReader() = default;

    /// Size of the whole object in bytes.
    virtual std::uint64_t object_size() const noexcept = 0;
    /// The bytes that this reader gives; nothing when the range asked for cannot be satisfied.
    virtual std::optional<ByteInterval> interval() const noexcept = 0;

    /// Reads the next bytes, at most `into.size()`; returns how many, 0 only at the end (or when
    /// `into` is empty).
    virtual awaitable<std::size_t> read(std::span<std::byte> into) = 0;
    /// Moves the next bytes, at most `most`, into `pipe`, the writing end of an empty pipe, without
    /// copying them, where they come over a socket; returns how many. 0: not these bytes, so `read`
    /// has to be asked for what comes next, be it bytes, the end or an error. From the first call
    /// on this and `read` may wait for a descriptor on the executor of their coroutine, so it
    /// should be that of an `io_context`.
    virtual awaitable<std::size_t> splice([[maybe_unused]] int pipe,
                                          [[maybe_unused]] std::size_t most) {
        co_return 0;
    }

    /// The unread rest of the interval as part of a file, for `sendfile`; nothing where there is no
    /// file. Valid while the reader lives.
    virtual std::optional<FileRegion> file() const noexcept { return std::nullopt; }
    /// The unread rest of the interval where it lies in memory as a whole, else nothing. Valid
    /// while the reader lives.
    virtual std::optional<std::span<const std::byte>> memory() const noexcept {
        return std::nullopt;
    }
};

/// Memory to receive bytes into.
struct UploadBuffer {
    std::span<std::byte> room = {};
    /// Keeps `room`, and whatever was received into it, as long as any copy lives.
    std::shared_ptr<const void> owner = nullptr;
};

/// An object that is being written; nobody can see it before `ObjectStore::publish`. One coroutine
/// uses it at a time. Destroying it gives the bytes up and removes what was stored of them.
class ObjectUpload {
 public:
    virtual ~ObjectUpload() = default;

    /// Memory for the next bytes, where the store wants them in its own: whatever is received at
    /// its front is then given to `append`, with this owner. An empty `room`: any memory will do.
    /// Suspends while the store has no memory left for uploads, so a caller that waits here should
    /// hold none itself.
    virtual awaitable<UploadBuffer> buffer() { co_return UploadBuffer(); }

    /// Adds bytes at the end. May return before they are written: `owner` is kept until then and
    /// `bytes` must stay unchanged as long as it lives. With a null `owner` the bytes are written,
    /// or copied, before this completes. Suspends while too much is on its way already. An error of
    /// an earlier write is thrown by a later call.
    virtual awaitable<void> append(std::span<const std::byte> bytes,
                                   std::shared_ptr<const void> owner) = 0;

    /// Waits until everything appended has been handed to the storage (not yet: made durable), and
    /// lets go of what an idle upload need not hold, such as a file descriptor.
    virtual awaitable<void> flush() = 0;

    /// A reader over everything appended so far, for the rare case that it has to be hashed again:
    /// with another algorithm than was announced. Nothing is appended while it lives. Throws
    /// `unsupported` in a store without late naming, where `publish` comes first.
    virtual awaitable<std::unique_ptr<ObjectReader>> read_back() = 0;

    /// How many bytes were appended.
    virtual std::uint64_t size() const noexcept = 0;

    /// Whether the store can put no more into one object; what is behind has to be another one.
    virtual bool full() const noexcept { return false; }
};

/// How `ObjectStore::put` treats what is there already: replace it, unless made by one of the
/// functions below. (A class with constructors: gcc 12 destroys an aggregate twice that is a
/// temporary in a `co_await` expression, which is where most of these live.)
class PutOptions {
 public:
    PutOptions() noexcept {}
    /// Write only when there is no such object. Needs `StoreCapabilities::if_absent`.
    static PutOptions only_if_absent() {
        PutOptions options;
        options.if_absent_ = true;
        return options;
    }
    /// Write only over the object whose etag this is. Needs `StoreCapabilities::if_match`.
    static PutOptions only_if_match(std::string etag) {
        PutOptions options;
        options.if_match_ = std::move(etag);
        return options;
    }

    bool if_absent() const noexcept { return if_absent_; }
    /// Empty: no such condition.
    const std::string& if_match() const noexcept { return if_match_; }

 private:
    bool if_absent_ = false;
    std::string if_match_;
};

/// What a store can do beyond the contract. It makes things cheaper; correctness never needs it.
struct StoreCapabilities {
    /// `publish` may choose the key; without it `begin_upload` must be told the key.
    bool late_naming = false;
    /// `PutOptions::only_if_absent` is honoured, atomically.
    bool if_absent = false;
    /// `PutOptions::only_if_match` is honoured, atomically.
    bool if_match = false;
    /// This process is the only writer, so what it knows of the store is the truth.
    bool exclusive = false;
};

/// One page of a listing.
struct ListPage {
    /// Keys in byte order.
    std::vector<std::string> keys;
    /// What is known of each of them, in a store that learns it by listing; else empty.
    std::vector<ObjectInfo> infos = {};
    /// Whether there are keys behind the last one.
    bool more = false;
};

/// An object that becomes a part of another one's content.
struct ObjectPiece {
    ObjectKey key;
    /// Its size in bytes.
    std::uint64_t size = 0;
};

/// An upload that was begun and neither published nor given up, as a process that was killed leaves
/// it behind in a store that keeps such for ever.
struct UnfinishedUpload {
    std::string key;
    /// The store's own name of it.
    std::string id;
    /// Nanoseconds since the Unix epoch.
    std::int64_t begun = 0;
};

/// Objects under keys: the verbs that a directory, memory and S3 have in common.
///
/// Every member may be called from any thread, any number at once. A write is durable when its call
/// completes, and visible to every call that begins afterwards. Objects appear and change as a
/// whole. Errors of the storage are thrown as `io` (a permission that the process lacks included),
/// `no_space`, `unavailable` or `timeout`; a write whose call throws may or may not have taken
/// effect.
class ObjectStore {
 public:
    virtual ~ObjectStore() = default;

    virtual StoreCapabilities capabilities() const noexcept = 0;  ///< Never changes.
    /// What and where this store is, for messages: `directory /srv/registry`. Holds no secret.
    virtual std::string describe() const = 0;

    /// Size and etag, or nothing when there is no such object.
    virtual awaitable<std::optional<ObjectInfo>> head(const ObjectKey& key) = 0;

    /// The whole of a small object (a few MiB at most; larger: `too_large`), or null when there is
    /// no such object. The bytes may be shared with a cache; they never change.
    virtual awaitable<std::shared_ptr<const std::string>> get(const ObjectKey& key) = 0;

    /// Opens an object for streaming, or null when there is no such object.
    virtual awaitable<std::unique_ptr<ObjectReader>> open(const ObjectKey& key,
                                                          ByteRange range) = 0;

    /// Writes a small object as a whole; replaces what is there unless `options` say otherwise
    /// (then `precondition_failed`; `unsupported` without the capability).
    virtual awaitable<void> put(const ObjectKey& key, std::string_view bytes,
                                PutOptions options) = 0;
    awaitable<void> put(const ObjectKey& key, std::string_view bytes) {
        return put(key, bytes, PutOptions{});
    }

    /// Begins an object of any size. `key` must be given where `late_naming` is not offered.
    virtual awaitable<std::unique_ptr<ObjectUpload>> begin_upload(std::optional<ObjectKey> key) = 0;

    /// Makes the upload's bytes the object under `key`, replacing what is there. Consumes the
    /// upload, whatever happens. `key` equals the one given at the beginning, if one was.
    virtual awaitable<void> publish(std::unique_ptr<ObjectUpload> upload, const ObjectKey& key) = 0;

    /// Makes the content of several objects, one behind the other, an object under `key`; bytes that
    /// can stay inside the storage do not move. The pieces stay as they are. False where the store
    /// cannot do that; then nothing was written. Throws `not_found` when a piece is not there, or
    /// has another size.
    virtual awaitable<bool> concatenate(const std::vector<ObjectPiece>&, const ObjectKey&) {
        co_return false;
    }

    /// Makes sure that an object which this process can see would survive a crash: another call may
    /// have written it and not finished yet. Throws `not_found` when it is not there.
    virtual awaitable<void> sync(const ObjectKey& key) = 0;

    /// Removes an object; whether it was there (a store that cannot tell says true).
    virtual awaitable<bool> remove(const ObjectKey& key) = 0;

    /// Removes objects that nobody needs any more. Never throws: what cannot be removed stays. May
    /// complete before they are gone.
    virtual awaitable<void> tidy(std::vector<ObjectKey> keys);

    /// The first `limit` keys that begin with `prefix` and are greater than `start_after`, in byte
    /// order. `prefix` is the start of a key, cut anywhere, or empty; `limit` is 1 to 1,000.
    virtual awaitable<ListPage> list(std::string_view prefix, std::string_view start_after,
                                     std::size_t limit) = 0;

    /// A URL by which anyone can read the object for `lifetime` without asking this process;
    /// nothing in a store that has no such URLs.
    virtual awaitable<std::optional<std::string>> read_url(const ObjectKey&, std::chrono::seconds) {
        co_return std::nullopt;
    }

    /// Unfinished uploads, of this process and of others, up to some 10,000; none in a store that
    /// clears them away by itself.
    virtual awaitable<std::vector<UnfinishedUpload>> list_unfinished() {
        co_return std::vector<UnfinishedUpload>();
    }
    /// Gives an unfinished upload up; whoever is writing it fails.
    virtual awaitable<void> remove_unfinished(const UnfinishedUpload&) { co_return; }

    /// Frees memory that was not used since the last call; for a timer.
    virtual void trim() noexcept {}
};

inline awaitable<void> ObjectStore::tidy(std::vector<ObjectKey> keys) {
    for (const ObjectKey& key : keys) {
        try {
            co_await remove(key);
        } catch (const std::exception&) {
            co_return;
        }
    }
}

}  // namespace pkgreg
