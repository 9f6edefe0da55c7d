// ContentCache: the bytes of small objects, and what makes them safe to keep. It knows which keys
// are being written, so that a reader which loaded the old bytes cannot leave them behind.
#pragma once

#include "pkgreg/object_store.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pkgreg {

/// A small object as it is kept.
struct CachedObject {
    std::shared_ptr<const std::string> bytes;
    ObjectInfo info;
};

/// Objects by key, the least recently used given up first. Safe to use from any thread.
class ContentCache {
 public:
    /// Larger objects are left to the page cache.
    static constexpr std::size_t max_object = std::size_t{64} << 10;

    explicit ContentCache(std::size_t max_bytes) : max_shard_bytes_(max_bytes / shard_count) {}

    /// The bytes, or null when the object is not cached.
    std::shared_ptr<const std::string> find_bytes(const std::string& key) {
        Shard& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        const Entry* const entry = shard.use(key);
        return entry ? entry->object.bytes : nullptr;
    }
    std::optional<ObjectInfo> find_info(const std::string& key) {
        Shard& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        const Entry* const entry = shard.use(key);
        return entry ? std::optional(entry->object.info) : std::nullopt;
    }

    /// A reader takes this before it opens the file, and gives it back with what it read.
    std::uint64_t generation(const std::string& key) {
        Shard& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        return shard.generation;
    }
    /// Keeps what a reader read, unless the key may have been written meanwhile.
    void insert_read(const std::string& key, std::uint64_t generation, CachedObject object);

    // A change of a key is told in three steps. `begin_write` may be called at any time; the caller
    // makes sure that only one thread is between touching the file and `written`, or in
    // `superseded` and `end_write`, for one key.

    /// A change of the key begins: before the file is touched.
    void begin_write(const std::string& key);
    /// The change has taken effect in the file system; returns its place in the order of changes.
    std::uint64_t written(const std::string& key);
    /// Whether a later change than `ticket` has taken effect.
    bool superseded(const std::string& key, std::uint64_t ticket);
    /// The change is over. Keeps `object`, if one is given and no other change is under way.
    void end_write(const std::string& key, std::optional<CachedObject> object);
    /// How many changes of the key are under way.
    std::size_t writers(const std::string& key);

    /// Bytes held, for tests.
    std::size_t memory();

 private:
    using Order = std::list<const std::string*>;
    struct Entry {
        CachedObject object;
        Order::iterator order;
        std::size_t bytes = 0;
    };
    struct InFlight {
        std::size_t writers = 0;
        std::uint64_t last_ticket = 0;
    };
    struct Shard {
        const Entry* use(const std::string& key);
        void insert(const std::string& key, CachedObject object, std::size_t max_bytes);
        void erase(const std::string& key);

        std::mutex mutex;
        std::unordered_map<std::string, Entry> entries;
        std::unordered_map<std::string, InFlight> in_flight;
        Order order;  // front: most recently used; points at the table's keys
        std::size_t bytes = 0;
        std::uint64_t generation = 0;  // grows with every step of a write
    };
    // Each shard holds objects up to the largest that is kept, so there cannot be many.
    static constexpr std::size_t shard_count = 8;

    Shard& shard_of(const std::string& key) {
        return shards_[(std::hash<std::string>{}(key) >> 7) % shard_count];
    }

    const std::size_t max_shard_bytes_;
    std::array<Shard, shard_count> shards_;
};

}  // namespace pkgreg
