// ListingCache: the names in directories, read once and then kept up to date by the store's own
// writes. The store is the directory's one writer, so what is cached is the truth.
#pragma once

#include "store/name_list.hpp"

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pkgreg {

/// The names of a directory at the time when they were asked for. Safe to use from any thread; goes
/// on changing with the directory as long as the cache keeps it.
class Listing {
 public:
    explicit Listing(std::vector<std::string> names) : names_(std::move(names)) {}

    bool contains(std::string_view name) const {
        const std::shared_lock lock(mutex_);
        return names_.contains(name);
    }
    void visit(std::string_view from, const std::function<bool(std::string_view)>& visit) const {
        const std::shared_lock lock(mutex_);
        names_.visit(from, visit);
    }

 private:
    friend class ListingCache;

    mutable std::shared_mutex mutex_;
    NameList names_;
};

/// Directories by path (empty: the root), the least recently used given up first. Safe to use from
/// any thread.
class ListingCache {
 public:
    using Read = std::function<std::vector<std::string>(const std::string& directory)>;

    explicit ListingCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

    /// The listing if it is cached, else null.
    std::shared_ptr<const Listing> find(const std::string& directory);

    /// The listing; calls `read` when it is not cached. Blocks, also while another thread reads the
    /// same directory. `keep_longer` is false for directories met on the way through a tree: a walk
    /// must not push out what is listed again and again.
    std::shared_ptr<const Listing> load(const std::string& directory, const Read& read,
                                        bool keep_longer);

    /// Whether the directory is cached and has no such name.
    bool lacks(const std::string& directory, std::string_view name);

    /// Notes that a name came into the directory or left it.
    void insert(const std::string& directory, std::string_view name) {
        apply(directory, name, true);
    }
    void erase(const std::string& directory, std::string_view name) {
        apply(directory, name, false);
    }

    /// Bytes held, for tests.
    std::size_t memory() const {
        const std::lock_guard lock(mutex_);
        return bytes_;
    }

 private:
    /// A directory that is being read. Changes made meanwhile may or may not be in what is read, so
    /// they are noted and made again on the result.
    struct Loading {
        struct Change {
            std::string name;
            bool present;
        };
        std::vector<Change> changes;
    };
    using Order = std::list<const std::string*>;
    struct Entry {
        std::shared_ptr<Listing> listing;  // null while it is being read
        std::unique_ptr<Loading> loading;
        Order::iterator order;  // only with a listing
        std::size_t bytes = 0;
    };

    void apply(const std::string& directory, std::string_view name, bool present);
    std::shared_ptr<const Listing> install(const std::string& directory,
                                           std::vector<std::string> names, bool keep_longer);
    void abandon(const std::string& directory);
    void account(const std::string& directory, Entry& entry);
    void evict();

    const std::size_t max_bytes_;
    mutable std::mutex mutex_;
    std::condition_variable loaded_;
    std::unordered_map<std::string, Entry> entries_;
    Order order_;  // front: most recently used; points at the table's keys
    std::size_t bytes_ = 0;
};

}  // namespace pkgreg
