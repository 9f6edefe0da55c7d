// The store in a bucket: the verbs of ObjectStore as operations of S3. Nothing is cached: others
// write to the bucket as well.
#include "pkgreg/s3_store.hpp"

#include "pkgreg/error.hpp"

#include "s3/bucket.hpp"
#include "store/arguments.hpp"
#include "store/bucket_errors.hpp"
#include "store/s3_concatenation.hpp"
#include "store/s3_lease.hpp"
#include "store/s3_upload.hpp"

#include <atomic>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

/// Unfinished uploads that one call tells of.
constexpr std::size_t most_unfinished = 10'000;

ObjectInfo info_of(const s3::ObjectHead& head) {
    ObjectInfo info;
    info.size = head.size;
    info.etag = head.etag;
    info.modified = head.modified;
    return info;
}

class S3Reader final : public ObjectReader {
 public:
    /// @param download null where the range cannot be satisfied
    S3Reader(std::unique_ptr<s3::Download> download, std::uint64_t size,
             std::optional<ByteInterval> interval)
        : download_(std::move(download)), size_(size), interval_(interval) {}

    std::uint64_t object_size() const noexcept override { return size_; }
    std::optional<ByteInterval> interval() const noexcept override { return interval_; }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        if (!download_) co_return 0;
        co_return co_await as_storage(download_->read(into));
    }
    awaitable<std::size_t> splice(int pipe, std::size_t most) override {
        if (!download_) co_return 0;
        co_return co_await as_storage(download_->splice(pipe, most));
    }

 private:
    std::unique_ptr<s3::Download> download_;
    std::uint64_t size_;
    std::optional<ByteInterval> interval_;
};

class S3Store final : public ObjectStore {
 public:
    S3Store(std::shared_ptr<s3::Bucket> bucket, const S3StoreOptions& options)
        : bucket_(std::move(bucket)),
          prefix_(options.path.empty() ? std::string() : options.path + "/"),
          description_(bucket_->describe() +
                       (options.path.empty() ? "" : ", path " + options.path)),
          lease_prefix_(S3Lease::prefix_of(prefix_)),
          warn_(options.warn) {
        auto context = std::make_shared<S3UploadContext>();
        context->bucket = bucket_;
        context->parts = std::make_shared<BufferPool>(options.part_size, options.max_parts);
        context->parts_in_flight = options.parts_in_flight;
        context->parts_per_object = options.parts_per_object;
        uploads_ = std::move(context);
        if (options.exclusive) {
            lease_ = std::make_unique<S3Lease>(bucket_, lease_prefix_, options.lease_duration,
                                               options.warn);
        }
    }

    StoreCapabilities capabilities() const noexcept override {
        StoreCapabilities capabilities;
        capabilities.exclusive = lease_ != nullptr;
        return capabilities;
    }
    std::string describe() const override { return description_; }

    awaitable<std::optional<ObjectInfo>> head(const ObjectKey& key) override {
        if (lease_) co_await lease_->require();
        const std::string name = name_of(key);
        const auto head = co_await as_storage(bucket_->head(name));
        std::optional<ObjectInfo> info;
        if (head) info.emplace(info_of(*head));
        co_return info;
    }

    awaitable<std::shared_ptr<const std::string>> get(const ObjectKey& key) override {
        if (lease_) co_await lease_->require();
        const std::string name = name_of(key);
        auto bytes = co_await as_storage(bucket_->get(name, max_small_object));
        if (!looked_at_.exchange(true)) co_await look_at_bucket();
        co_return bytes;
    }

    awaitable<std::unique_ptr<ObjectReader>> open(const ObjectKey& key, ByteRange range) override {
        if (lease_) co_await lease_->require();
        const std::string name = name_of(key);
        constexpr std::uint64_t end = std::numeric_limits<std::uint64_t>::max();
        std::optional<ByteInterval> wanted{ByteInterval{0, end}};
        if (!range.is_everything()) {
            // Only the size tells what a range selects, or that it selects nothing.
            const auto head = co_await as_storage(bucket_->head(name));
            if (!head) co_return nullptr;
            wanted = range.resolve(head->size);
            if (!wanted) co_return std::make_unique<S3Reader>(nullptr, head->size, wanted);
        }
        const std::uint64_t last = wanted->length == end ? end : wanted->end() - 1;
        auto download = co_await as_storage(bucket_->open(name, wanted->offset, last));
        if (!download) co_return nullptr;
        const std::uint64_t size = download->head().size;
        if (range.is_everything()) wanted->length = size;
        co_return std::make_unique<S3Reader>(std::move(download), size, wanted);
    }

    awaitable<void> put(const ObjectKey& key, std::string_view bytes, PutOptions options) override {
        if (options.if_absent() || !options.if_match().empty()) {
            throw Error(ErrorCode::unsupported,
                        "conditional writes are not offered by this store: not every S3 has them");
        }
        if (lease_) co_await lease_->require();
        const std::string name = name_of(key);
        const s3::WriteCondition none;
        co_await as_storage(bucket_->put(name, std::as_bytes(std::span(bytes)), none));
    }

    awaitable<std::unique_ptr<ObjectUpload>> begin_upload(std::optional<ObjectKey> key) override {
        if (!key) {
            throw Error(ErrorCode::invalid_argument,
                        "an upload to S3 must be named when it begins");
        }
        if (lease_) co_await lease_->require();
        std::string name = name_of(*key);
        co_return std::make_unique<S3Upload>(uploads_, std::move(*key), std::move(name));
    }

    awaitable<void> publish(std::unique_ptr<ObjectUpload> upload, const ObjectKey& key) override {
        auto* const mine = dynamic_cast<S3Upload*>(upload.get());
        check_upload(mine != nullptr, mine ? std::optional(mine->key()) : std::nullopt, key);
        if (lease_) co_await lease_->require();
        co_await mine->complete();
    }

    awaitable<bool> concatenate(const std::vector<ObjectPiece>& pieces,
                                const ObjectKey& key) override {
        if (lease_) co_await lease_->require();
        std::vector<S3Concatenation::Source> sources;
        for (const ObjectPiece& piece : pieces) {
            sources.push_back({name_of(piece.key), piece.size});
        }
        S3Concatenation concatenation(bucket_, uploads_->parts, name_of(key));
        co_return co_await concatenation.run(sources);
    }

    awaitable<void> sync(const ObjectKey& key) override {
        if (lease_) co_await lease_->require();
        const std::string name = name_of(key);
        const auto head = co_await as_storage(bucket_->head(name));
        if (!head) {
            throw Error(ErrorCode::not_found,
                        "there is no object " + key.str() + " in " + description_);
        }
    }

    awaitable<bool> remove(const ObjectKey& key) override {
        if (lease_) co_await lease_->require();
        const std::string name = name_of(key);
        co_await as_storage(bucket_->remove(name));
        co_return true;
    }

    awaitable<void> tidy(std::vector<ObjectKey> keys) override {
        std::vector<std::string> names;
        names.reserve(keys.size());
        for (const ObjectKey& key : keys) names.push_back(name_of(key));
        try {
            if (lease_) co_await lease_->require();
            co_await as_storage(bucket_->remove(names));
        } catch (const std::exception&) {
            // What stays is found as an orphan, or expires.
            co_return;
        }
    }

    awaitable<ListPage> list(std::string_view prefix, std::string_view start_after,
                             std::size_t limit) override {
        check_list_arguments(prefix, limit);
        const std::string full_prefix = prefix_ + std::string(prefix);
        std::string after = start_after.empty() ? "" : prefix_ + std::string(start_after);
        if (lease_) co_await lease_->require();
        ListPage page;
        do {
            const s3::ObjectList listed =
                co_await as_storage(bucket_->list(full_prefix, after, limit));
            page.more = listed.more;
            for (const s3::ListedObject& object : listed.objects) {
                if (object.key.starts_with(lease_prefix_)) continue;  // no object of the store's
                page.keys.push_back(object.key.substr(prefix_.size()));
                page.infos.push_back(info_of(object.head));
            }
            if (page.more) after = listed.objects.back().key;
        } while (page.keys.empty() && page.more);
        co_return page;
    }

    awaitable<std::optional<std::string>> read_url(const ObjectKey& key,
                                                   std::chrono::seconds lifetime) override {
        const std::string name = name_of(key);
        std::string url = co_await as_storage(bucket_->presign_get(name, lifetime));
        co_return url;
    }

    awaitable<std::vector<UnfinishedUpload>> list_unfinished() override {
        std::vector<UnfinishedUpload> all;
        std::string key_marker;
        std::string id_marker;
        while (true) {
            s3::UploadList page =
                co_await as_storage(bucket_->list_uploads(prefix_, key_marker, id_marker));
            for (s3::ListedUpload& upload : page.uploads) {
                all.push_back({upload.key.substr(prefix_.size()), std::move(upload.upload_id),
                               upload.initiated});
            }
            if (page.next_key.empty() || all.size() >= most_unfinished) co_return all;
            key_marker = std::move(page.next_key);
            id_marker = std::move(page.next_upload_id);
        }
    }

    awaitable<void> remove_unfinished(const UnfinishedUpload& upload) override {
        if (lease_) co_await lease_->require();
        const std::string name = prefix_ + upload.key;
        co_await as_storage(bucket_->abort_upload(name, upload.id));
    }

    void trim() noexcept override { uploads_->parts->trim(); }

 private:
    std::string name_of(const ObjectKey& key) const { return prefix_ + key.str(); }

    /// Tells the operator of settings under which removed content costs on. Once, and not important
    /// enough to fail for.
    awaitable<void> look_at_bucket() {
        if (!warn_) co_return;
        try {
            const std::string versioning = co_await bucket_->versioning();
            if (versioning == "Enabled") {
                warn_(bucket_->describe() +
                      " keeps old versions: what is removed from the registry goes on taking room. "
                      "Switch versioning off, or add a lifecycle rule that expires old versions");
            }
            const bool locked = co_await bucket_->object_lock();
            if (locked) {
                warn_(bucket_->describe() +
                      " locks its objects: what is removed from the registry stays until the lock "
                      "ends");
            }
        } catch (const Error& error) {
            warn_("could not look whether " + bucket_->describe() +
                  " keeps old versions: " + error.message());
        }
    }

    std::shared_ptr<s3::Bucket> bucket_;
    std::string prefix_;
    std::string description_;
    std::string lease_prefix_;
    std::function<void(std::string_view)> warn_;
    std::shared_ptr<const S3UploadContext> uploads_;
    std::atomic<bool> looked_at_ = false;
    /// Null where the place is shared. Given back when all else is over.
    std::unique_ptr<S3Lease> lease_;
};

void check_sizes(const S3StoreOptions& options) {
    constexpr std::size_t mib = std::size_t{1} << 20;
    if (options.part_size < 5 * mib || options.part_size > 64 * mib) {
        throw Error(ErrorCode::invalid_options, "the size of a part must be 5 to 64 MiB, not " +
                                                    std::to_string(options.part_size) + " bytes");
    }
    if (options.parts_in_flight == 0 || options.max_parts < 2 || options.parts_per_object < 2 ||
        options.parts_per_object > 10'000) {
        throw Error(ErrorCode::invalid_options,
                    "there must be at least one part on its way, two in memory, and 2 to 10,000 "
                    "in an object");
    }
    if (options.lease_duration < std::chrono::seconds(10)) {
        throw Error(ErrorCode::invalid_options,
                    "a lease must last 10 s or more: servers tell times in whole seconds");
    }
    const std::string& path = options.path;
    if (!path.empty() && !ObjectKey::is_valid(path)) {
        throw Error(ErrorCode::invalid_options,
                    "the path '" + path +
                        "' in the bucket must be components of A-Z a-z 0-9 and +,-._=@~! joined by "
                        "slashes, without one at either end");
    }
}

}  // namespace

std::shared_ptr<ObjectStore> open_s3_store(S3StoreOptions options) {
    check_sizes(options);
    if (!options.pool) options.pool = std::make_shared<WorkPool>();
    auto bucket = s3::Bucket::open(options);
    return std::make_shared<S3Store>(std::move(bucket), options);
}

}  // namespace pkgreg
