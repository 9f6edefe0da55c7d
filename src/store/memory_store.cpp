// The store in memory: a hash table for what is asked by name, and an ordered index beside it for
// listings.
#include "pkgreg/memory_store.hpp"

#include "store/arguments.hpp"
#include "store/memory_reader.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pkgreg {
namespace {

using Bytes = std::shared_ptr<const std::string>;

class MemoryUpload final : public ObjectUpload {
 public:
    explicit MemoryUpload(std::optional<ObjectKey> key) : key_(std::move(key)) {}

    awaitable<void> append(std::span<const std::byte> bytes, std::shared_ptr<const void>) override {
        bytes_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        co_return;
    }
    awaitable<void> flush() override { co_return; }
    awaitable<std::unique_ptr<ObjectReader>> read_back() override {
        co_return std::make_unique<MemoryReader>(bytes_, ByteRange());
    }
    std::uint64_t size() const noexcept override { return bytes_->size(); }

    const std::optional<ObjectKey>& key() const noexcept { return key_; }
    Bytes take() noexcept { return std::move(bytes_); }

 private:
    std::optional<ObjectKey> key_;
    std::shared_ptr<std::string> bytes_ = std::make_shared<std::string>();
};

class MemoryStore final : public ObjectStore {
 public:
    StoreCapabilities capabilities() const noexcept override {
        return {.late_naming = true, .if_absent = true, .if_match = true, .exclusive = true};
    }
    std::string describe() const override { return "memory"; }

    awaitable<std::optional<ObjectInfo>> head(const ObjectKey& key) override {
        std::optional<ObjectInfo> info;
        const std::shared_lock lock(mutex_);
        if (const Object* object = find(key)) {
            info.emplace();
            info->size = object->bytes->size();
            info->etag = object->etag();
            info->modified = object->modified;
        }
        co_return info;
    }

    awaitable<Bytes> get(const ObjectKey& key) override {
        Bytes bytes = find_bytes(key);
        if (bytes) check_small_object(key, bytes->size());
        co_return bytes;
    }

    awaitable<std::unique_ptr<ObjectReader>> open(const ObjectKey& key, ByteRange range) override {
        std::unique_ptr<ObjectReader> reader;
        if (Bytes bytes = find_bytes(key)) {
            reader = std::make_unique<MemoryReader>(std::move(bytes), range);
        }
        co_return reader;
    }

    awaitable<void> put(const ObjectKey& key, std::string_view bytes, PutOptions options) override {
        write(key, std::make_shared<const std::string>(bytes), options);
        co_return;
    }

    awaitable<std::unique_ptr<ObjectUpload>> begin_upload(std::optional<ObjectKey> key) override {
        co_return std::make_unique<MemoryUpload>(std::move(key));
    }

    awaitable<void> publish(std::unique_ptr<ObjectUpload> upload, const ObjectKey& key) override {
        auto* const mine = dynamic_cast<MemoryUpload*>(upload.get());
        check_upload(mine != nullptr, mine ? mine->key() : std::nullopt, key);
        write(key, mine->take(), PutOptions());
        co_return;
    }

    awaitable<void> sync(const ObjectKey& key) override {
        if (!find_bytes(key)) {
            throw Error(ErrorCode::not_found, "there is no object " + key.str() + " in memory");
        }
        co_return;
    }

    awaitable<bool> remove(const ObjectKey& key) override {
        const std::lock_guard lock(mutex_);
        const auto it = objects_.find(key.str());
        if (it == objects_.end()) co_return false;
        order_.erase(it->first);
        objects_.erase(it);
        co_return true;
    }

    awaitable<ListPage> list(std::string_view prefix, std::string_view start_after,
                             std::size_t limit) override {
        check_list_arguments(prefix, limit);
        ListPage page;
        const std::shared_lock lock(mutex_);
        auto it =
            start_after < prefix ? order_.lower_bound(prefix) : order_.upper_bound(start_after);
        for (; it != order_.end() && it->starts_with(prefix); ++it) {
            if (page.keys.size() == limit) {
                page.more = true;
                break;
            }
            page.keys.emplace_back(*it);
        }
        co_return page;
    }

 private:
    struct Object {
        Bytes bytes;
        std::uint64_t version = 0;
        std::int64_t modified = 0;

        std::string etag() const { return std::to_string(version); }
    };

    const Object* find(const ObjectKey& key) const {
        const auto it = objects_.find(key.str());
        return it == objects_.end() ? nullptr : &it->second;
    }

    Bytes find_bytes(const ObjectKey& key) const {
        const std::shared_lock lock(mutex_);
        const Object* const object = find(key);
        return object ? object->bytes : nullptr;
    }

    void write(const ObjectKey& key, Bytes bytes, const PutOptions& options) {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const std::lock_guard lock(mutex_);
        const Object* const old = find(key);
        check_conditions(key, options, old != nullptr, old ? old->etag() : std::string());
        const auto [it, added] = objects_.try_emplace(key.str());
        if (added) order_.insert(it->first);
        it->second.bytes.swap(bytes);
        it->second.version = ++last_version_;
        it->second.modified = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
    }

    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, Object> objects_;
    std::set<std::string_view> order_;  // views of the table's keys, which never move
    std::uint64_t last_version_ = 0;
};

}  // namespace

std::shared_ptr<ObjectStore> make_memory_store() {
    return std::make_shared<MemoryStore>();
}

}  // namespace pkgreg
