#include "registry/blob_storage.hpp"

#include "pkgreg/error.hpp"

#include "base/random_id.hpp"
#include "registry/segmented_reader.hpp"
#include "registry/sync_if_there.hpp"

#include <string>
#include <string_view>

namespace pkgreg {
namespace {

/// Copies of one blob that are looked at; usually there is one.
constexpr std::size_t most_copies = 8;

/// A blob of so many segments, smaller than this on average, is worth being put together: reading
/// it costs a request for each.
constexpr std::size_t many_segments = 8;
constexpr std::uint64_t small_segment = std::uint64_t{32} << 20;
/// Blobs that are remembered to be put together; the others are met again.
constexpr std::size_t most_mergeable = 1000;

bool keeps_segments(const ObjectStore& store) {
    // Where other instances write, an upload may go on at any of them, so what one wrote must have
    // a name that the next one can know.
    const StoreCapabilities capabilities = store.capabilities();
    return !capabilities.late_naming || !capabilities.exclusive;
}

std::uint64_t total(const std::vector<layout::Segment>& segments) {
    std::uint64_t size = 0;
    for (const layout::Segment& segment : segments) size += segment.size;
    return size;
}

}  // namespace

BlobUpload::BlobUpload(ObjectStore& store, bool segmented, std::vector<layout::Segment> segments)
    : store_(store),
      segmented_(segmented),
      segments_(std::move(segments)),
      settled_(total(segments_)) {}

awaitable<void> BlobUpload::begin_object() {
    if (segmented_) {
        object_id_ = random_id();
        object_key_.emplace(layout::data_key(object_id_));
    }
    object_ = co_await store_.begin_upload(object_key_);
}

awaitable<void> BlobUpload::complete_segment() {
    layout::Segment segment;
    segment.id = object_id_;
    segment.size = object_->size();
    co_await store_.publish(std::move(object_), *object_key_);
    object_.reset();
    settled_ += segment.size;
    segments_.push_back(std::move(segment));
}

awaitable<UploadBuffer> BlobUpload::buffer() {
    if (object_ && object_->full()) co_await complete_segment();
    if (!object_) co_await begin_object();
    co_return co_await object_->buffer();
}

awaitable<void> BlobUpload::append(std::span<const std::byte> bytes,
                                   std::shared_ptr<const void> owner) {
    if (object_ && object_->full()) co_await complete_segment();
    if (!object_) co_await begin_object();
    co_await object_->append(bytes, std::move(owner));
}

awaitable<void> BlobUpload::settle() {
    if (!object_) co_return;
    if (!segmented_) {
        co_await object_->flush();
    } else if (object_->size() > 0) {
        co_await complete_segment();
    } else {
        object_.reset();
    }
}

awaitable<std::unique_ptr<ObjectReader>> BlobUpload::read_back() {
    co_await settle();
    if (object_) co_return co_await object_->read_back();
    // The store outlives every upload, so it need not be owned here.
    const std::shared_ptr<ObjectStore> store(std::shared_ptr<ObjectStore>(), &store_);
    co_return std::make_unique<SegmentedReader>(store, segments_, ByteRange());
}

BlobStorage::BlobStorage(std::shared_ptr<ObjectStore> store)
    : store_(std::move(store)), segmented_(keeps_segments(*store_)) {}

awaitable<ListPage> BlobStorage::copies(const Digest& digest) {
    const std::string prefix = layout::blob_prefix(digest);
    co_return co_await store_->list(prefix, "", most_copies);
}

awaitable<std::vector<layout::Segment>> BlobStorage::read_record(const ObjectKey& key) {
    const auto text = co_await store_->get(key);
    if (!text) co_return std::vector<layout::Segment>();
    co_return parse_segments(*text, key.str());
}

/// The size of the blob that this key stands for, or nothing when a part of it is not there.
awaitable<std::optional<std::uint64_t>> BlobStorage::size_of(const std::string& name) {
    const auto parsed = layout::parse_blob_key(name);
    if (!parsed) co_return std::nullopt;
    ObjectKey key(name);
    std::uint64_t size = parsed->segment.size;
    if (parsed->form == layout::BlobForm::segment) key = layout::data_key(parsed->segment.id);
    if (parsed->form == layout::BlobForm::segments) {
        // One look is enough: segments are only ever removed together.
        const auto segments = co_await read_record(key);
        if (segments.empty()) co_return std::nullopt;
        size = total(segments);
        key = layout::data_key(segments.front().id);
    }
    const auto info = co_await store_->head(key);
    if (!info) co_return std::nullopt;
    co_return parsed->form == layout::BlobForm::content ? info->size : size;
}

awaitable<std::optional<BlobInfo>> BlobStorage::find(const Digest& digest) {
    const ListPage page = co_await copies(digest);
    for (const std::string& name : page.keys) {
        const auto size = co_await size_of(name);
        if (size) co_return BlobInfo{digest, *size};
    }
    co_return std::nullopt;
}

awaitable<std::unique_ptr<ObjectReader>> BlobStorage::open(const Digest& digest, ByteRange range) {
    const ListPage page = co_await copies(digest);
    for (const std::string& name : page.keys) {
        const auto parsed = layout::parse_blob_key(name);
        if (!parsed) continue;
        ObjectKey key(name);
        if (parsed->form == layout::BlobForm::segments) {
            auto segments = co_await read_record(key);
            if (segments.empty()) continue;
            key = layout::data_key(segments.front().id);
            const auto there = co_await store_->head(key);
            if (!there) continue;
            co_return std::make_unique<SegmentedReader>(store_, std::move(segments), range);
        }
        if (parsed->form == layout::BlobForm::segment) key = layout::data_key(parsed->segment.id);
        auto reader = co_await store_->open(key, range);
        if (reader) co_return reader;
    }
    co_return nullptr;
}

awaitable<std::optional<ObjectKey>> BlobStorage::object_of(const Digest& digest) {
    const ListPage page = co_await copies(digest);
    for (const std::string& name : page.keys) {
        const auto parsed = layout::parse_blob_key(name);
        if (!parsed || parsed->form == layout::BlobForm::segments) continue;
        const ObjectKey key = parsed->form == layout::BlobForm::segment
                                  ? layout::data_key(parsed->segment.id)
                                  : ObjectKey(name);
        const auto there = co_await store_->head(key);
        if (there) co_return key;
    }
    co_return std::nullopt;
}

awaitable<bool> BlobStorage::ensure(const Digest& digest) {
    const ListPage page = co_await copies(digest);
    for (const std::string& name : page.keys) {
        const auto parsed = layout::parse_blob_key(name);
        if (!parsed) continue;
        if (parsed->form != layout::BlobForm::content) {
            const auto size = co_await size_of(name);
            if (size) co_return true;
            continue;
        }
        const ObjectKey key(name);
        const bool there = co_await sync_if_there(*store_, key);
        if (there) co_return true;
    }
    co_return false;
}

std::unique_ptr<BlobUpload> BlobStorage::begin(std::vector<layout::Segment> segments) {
    return std::make_unique<BlobUpload>(*store_, segmented_, std::move(segments));
}

awaitable<void> BlobStorage::publish(const Digest& digest, std::unique_ptr<BlobUpload> content) {
    if (!content->object_ && content->segments_.empty()) co_await content->begin_object();
    if (!segmented_) {
        const ObjectKey key = layout::new_content_key(digest);
        co_await store_->publish(std::move(content->object_), key);
        co_return;
    }
    // An empty blob is one empty segment, but an empty end of a longer one is nothing.
    if (content->object_ && (content->object_->size() > 0 || content->segments_.empty())) {
        co_await content->complete_segment();
    }
    const std::vector<layout::Segment>& segments = content->segments_;
    if (segments.size() == 1) {
        const ObjectKey key = layout::segment_key(digest, segments.front());
        co_await store_->put(key, "");
    } else {
        const ObjectKey key = layout::new_segments_key(digest);
        const std::string text = print_segments(segments);
        co_await store_->put(key, text);
        note(digest, segments);
    }
}

awaitable<std::vector<layout::Segment>> BlobStorage::segments_of(const std::string& name) {
    std::vector<layout::Segment> segments;
    const auto parsed = layout::parse_blob_key(name);
    if (parsed && parsed->form == layout::BlobForm::segment) segments.push_back(parsed->segment);
    if (parsed && parsed->form == layout::BlobForm::segments) {
        const ObjectKey key(name);
        segments = co_await read_record(key);
    }
    co_return segments;
}

void BlobStorage::note(const Digest& digest, const std::vector<layout::Segment>& segments) {
    if (segments.size() < many_segments) return;
    if (total(segments) / segments.size() >= small_segment) return;
    const std::lock_guard lock(mutex_);
    if (mergeable_.size() < most_mergeable) mergeable_.insert(digest);
}

std::vector<Digest> BlobStorage::take_mergeable() {
    const std::lock_guard lock(mutex_);
    std::vector<Digest> taken(mergeable_.begin(), mergeable_.end());
    mergeable_.clear();
    return taken;
}

awaitable<bool> BlobStorage::merge(const Digest& digest) {
    const ListPage page = co_await copies(digest);
    std::vector<ObjectKey> records;
    std::vector<ObjectPiece> pieces;
    bool whole = false;  // already there, as one segment
    for (const std::string& name : page.keys) {
        const auto parsed = layout::parse_blob_key(name);
        if (!parsed) continue;
        const ObjectKey key(name);
        if (parsed->form == layout::BlobForm::segment) {
            const ObjectKey data = layout::data_key(parsed->segment.id);
            const auto there = co_await store_->head(data);
            whole = whole || there;
        }
        if (parsed->form != layout::BlobForm::segments) continue;
        const auto segments = co_await read_record(key);
        if (segments.empty()) continue;
        records.push_back(key);
        pieces.clear();
        for (const layout::Segment& segment : segments) {
            pieces.push_back({layout::data_key(segment.id), segment.size});
        }
    }
    if (records.empty()) co_return false;
    if (!whole) {
        const bool merged = co_await concatenate(digest, pieces);
        if (!merged) co_return false;
    }
    for (const ObjectKey& record : records) co_await store_->remove(record);
    co_return true;
}

awaitable<bool> BlobStorage::concatenate(const Digest& digest,
                                         const std::vector<ObjectPiece>& pieces) {
    layout::Segment segment{random_id(), 0};
    for (const ObjectPiece& piece : pieces) segment.size += piece.size;
    const ObjectKey data = layout::data_key(segment.id);
    const bool done = co_await store_->concatenate(pieces, data);
    if (!done) co_return false;
    const auto info = co_await store_->head(data);
    if (!info || info->size != segment.size) {
        throw Error(ErrorCode::corrupt, "segments of blob " + digest.to_string() +
                                            " were put together to another size; the storage "
                                            "copies wrongly, and the blob is left as it was");
    }
    const ObjectKey key = layout::segment_key(digest, segment);
    co_await store_->put(key, "");
    co_return true;
}

std::string print_segments(const std::vector<layout::Segment>& segments) {
    std::string text;
    for (const layout::Segment& segment : segments) {
        text.append(layout::to_hex(segment.size)).append(" ").append(segment.id).append("\n");
    }
    return text;
}

std::vector<layout::Segment> parse_segments(std::string_view text, std::string_view key) {
    std::vector<layout::Segment> segments;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        const std::size_t space = line.find(' ');
        const auto size = layout::parse_hex(line.substr(0, space));
        const bool whole = end != std::string_view::npos && space != std::string_view::npos && size;
        if (!whole || !ObjectKey::is_valid(line.substr(space + 1))) {
            throw Error(ErrorCode::corrupt, "the blob's record " + std::string(key) +
                                                " is damaged; remove it, then push the blob again");
        }
        segments.push_back({std::string(line.substr(space + 1)), *size});
        text.remove_prefix(end + 1);
    }
    return segments;
}

}  // namespace pkgreg
