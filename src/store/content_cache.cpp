#include "store/content_cache.hpp"

namespace pkgreg {
namespace {

// What an entry costs beside its key and bytes: the table's node, the place in the order, the info.
constexpr std::size_t entry_overhead = 320;

}  // namespace

const ContentCache::Entry* ContentCache::Shard::use(const std::string& key) {
    const auto it = entries.find(key);
    if (it == entries.end()) return nullptr;
    if (it->second.order != order.begin()) order.splice(order.begin(), order, it->second.order);
    return &it->second;
}

void ContentCache::Shard::insert(const std::string& key, CachedObject object,
                                 std::size_t max_bytes) {
    erase(key);
    const std::size_t size = entry_overhead + key.size() + object.bytes->size();
    if (size > max_bytes) return;
    const auto it = entries.try_emplace(key).first;
    order.push_front(&it->first);
    it->second = Entry{std::move(object), order.begin(), size};
    bytes += size;
    while (bytes > max_bytes) erase(*order.back());
}

void ContentCache::Shard::erase(const std::string& key) {
    const auto it = entries.find(key);
    if (it == entries.end()) return;
    bytes -= it->second.bytes;
    order.erase(it->second.order);
    entries.erase(it);
}

void ContentCache::insert_read(const std::string& key, std::uint64_t generation,
                               CachedObject object) {
    if (object.bytes->size() > max_object) return;
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    if (shard.generation != generation || shard.in_flight.contains(key)) return;
    shard.insert(key, std::move(object), max_shard_bytes_);
}

void ContentCache::begin_write(const std::string& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    ++shard.generation;
    ++shard.in_flight[key].writers;
    shard.erase(key);
}

std::uint64_t ContentCache::written(const std::string& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    return ++shard.in_flight.at(key).last_ticket;
}

bool ContentCache::superseded(const std::string& key, std::uint64_t ticket) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    return shard.in_flight.at(key).last_ticket != ticket;
}

void ContentCache::end_write(const std::string& key, std::optional<CachedObject> object) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    ++shard.generation;
    const auto it = shard.in_flight.find(key);
    if (--it->second.writers > 0) return;
    shard.in_flight.erase(it);
    if (object && object->bytes->size() <= max_object) {
        shard.insert(key, std::move(*object), max_shard_bytes_);
    }
}

std::size_t ContentCache::writers(const std::string& key) {
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    const auto it = shard.in_flight.find(key);
    return it == shard.in_flight.end() ? 0 : it->second.writers;
}

std::size_t ContentCache::memory() {
    std::size_t bytes = 0;
    for (Shard& shard : shards_) {
        const std::lock_guard lock(shard.mutex);
        bytes += shard.bytes;
    }
    return bytes;
}

}  // namespace pkgreg
