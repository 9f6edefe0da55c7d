// DirectoryWriter: every change of a directory store, in the order that survives a crash, and the
// caches told of it. All members block and are meant for the work pool.
#pragma once

#include "pkgreg/object_key.hpp"
#include "pkgreg/object_store.hpp"

#include "store/content_cache.hpp"
#include "store/directory_context.hpp"
#include "store/listing_cache.hpp"
#include "store/recent_set.hpp"
#include "store/temporary_file.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// Safe to use from any thread.
class DirectoryWriter {
 public:
    DirectoryWriter(std::shared_ptr<DirectoryContext> context, ListingCache& listings,
                    ContentCache& contents)
        : context_(std::move(context)), listings_(listings), contents_(contents) {}

    /// Makes `file` durable and puts it in place as `key`. `content`, if not null, is what the file
    /// holds, for the cache.
    void place(TemporaryFile& file, const ObjectKey& key, const PutOptions& options,
               std::shared_ptr<const std::string> content);

    bool remove(const ObjectKey& key);

    /// See `ObjectStore::sync`.
    void sync(const ObjectKey& key);
    /// Whether `sync` would have nothing to do; never blocks on a disk.
    bool is_durable(const ObjectKey& key);

 private:
    class Change;

    std::mutex& stripe_of(const std::string& key) {
        return stripes_[std::hash<std::string>{}(key) % stripes_.size()];
    }
    void name_file(TemporaryFile& file, const std::string& path, bool if_absent);
    void make_directories(const std::string& directory);
    void sync_names(const std::string& directory);
    void sync_nearest(std::string directory);
    void show(const std::string& path);
    void discard(const std::string& path, Change& change);
    void prune(std::string directory);

    const std::shared_ptr<DirectoryContext> context_;
    ListingCache& listings_;
    ContentCache& contents_;

    // Held while a key's file is exchanged and while the caches are told of it, so that what they
    // say is what the last change did. Never while waiting for a sync.
    std::array<std::mutex, 64> stripes_;

    // Held while a directory is made, or removed with what is known of it.
    std::mutex tree_mutex_;
    RecentSet durable_directories_{4096};  // their names are on the disk, up to the root
    std::uint64_t directories_removed_ = 0;

    std::mutex durable_keys_mutex_;
    RecentSet durable_keys_{4096};
};

}  // namespace pkgreg
