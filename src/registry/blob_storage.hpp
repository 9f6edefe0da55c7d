// BlobStorage: how the content of blobs lies in the store. Where a key can be chosen when the
// content is complete, a blob is one object under its digest; elsewhere its content is written into
// segments, and a record that names them makes it a blob (layout.hpp). Nothing is ever copied to
// give it a name.
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/registry.hpp"

#include "registry/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg {

/// The content of a blob while it is written. One coroutine uses it at a time. Destroying it
/// removes what was written, but for segments that are complete: other instances may know of them.
class BlobUpload {
 public:
    BlobUpload(ObjectStore& store, bool segmented, std::vector<layout::Segment> segments = {});

    /// As `ObjectUpload::buffer` and `append`.
    awaitable<UploadBuffer> buffer();
    awaitable<void> append(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
    /// Makes sure that the content so far outlives the call that brought it: segments are
    /// completed.
    awaitable<void> settle();
    /// A reader over everything appended so far. Nothing is appended while it lives.
    awaitable<std::unique_ptr<ObjectReader>> read_back();

    std::uint64_t size() const noexcept { return settled_ + (object_ ? object_->size() : 0); }
    /// Those that are complete.
    const std::vector<layout::Segment>& segments() const noexcept { return segments_; }

 private:
    friend class BlobStorage;

    awaitable<void> begin_object();
    awaitable<void> complete_segment();

    ObjectStore& store_;
    bool segmented_;
    std::unique_ptr<ObjectUpload> object_;
    /// Of the segment that is being written.
    std::optional<ObjectKey> object_key_;
    std::string object_id_;
    std::vector<layout::Segment> segments_;
    std::uint64_t settled_ = 0;
};

class BlobStorage {
 public:
    explicit BlobStorage(std::shared_ptr<ObjectStore> store);

    /// Whether content is kept in segments here, which may outlive the instance that wrote them.
    bool segmented() const noexcept { return segmented_; }

    awaitable<std::optional<BlobInfo>> find(const Digest& digest);
    awaitable<std::unique_ptr<ObjectReader>> open(const Digest& digest, ByteRange range);
    /// The one object that is the blob's content, where there is one.
    awaitable<std::optional<ObjectKey>> object_of(const Digest& digest);
    /// Whether the content is there, durably.
    awaitable<bool> ensure(const Digest& digest);

    std::unique_ptr<BlobUpload> begin(std::vector<layout::Segment> segments = {});
    /// Makes content, whose digest was checked, a blob.
    awaitable<void> publish(const Digest& digest, std::unique_ptr<BlobUpload> content);
    /// The ids of the segments that a blob's key names; none where it is the content itself.
    awaitable<std::vector<layout::Segment>> segments_of(const std::string& key);

    /// Puts the segments of a blob together as one, where the store can do that by itself; whether
    /// it did. The old segments become orphans: who reads them now goes on.
    awaitable<bool> merge(const Digest& digest);
    /// Blobs of many small segments that were published here, or met, since the last call.
    std::vector<Digest> take_mergeable();
    /// Remembers a blob for `take_mergeable` if its segments are many and small.
    void note(const Digest& digest, const std::vector<layout::Segment>& segments);

 private:
    awaitable<ListPage> copies(const Digest& digest);
    awaitable<std::vector<layout::Segment>> read_record(const ObjectKey& key);
    awaitable<std::optional<std::uint64_t>> size_of(const std::string& key);
    awaitable<bool> concatenate(const Digest& digest, const std::vector<ObjectPiece>& pieces);

    std::shared_ptr<ObjectStore> store_;
    bool segmented_;
    std::mutex mutex_;
    std::set<Digest> mergeable_;
};

/// The lines of a record that lists segments, and back. Throws `corrupt`.
std::string print_segments(const std::vector<layout::Segment>& segments);
std::vector<layout::Segment> parse_segments(std::string_view text, std::string_view key);

}  // namespace pkgreg
