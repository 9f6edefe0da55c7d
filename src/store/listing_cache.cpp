#include "store/listing_cache.hpp"

namespace pkgreg {
namespace {

// What an entry costs beside its names: the table's node, the listing, the place in the order.
constexpr std::size_t entry_overhead = 256;

}  // namespace

std::shared_ptr<const Listing> ListingCache::find(const std::string& directory) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(directory);
    if (it == entries_.end() || !it->second.listing) return nullptr;
    order_.splice(order_.begin(), order_, it->second.order);
    return it->second.listing;
}

bool ListingCache::lacks(const std::string& directory, std::string_view name) {
    const auto listing = find(directory);
    return listing && !listing->contains(name);
}

std::shared_ptr<const Listing> ListingCache::load(const std::string& directory, const Read& read,
                                                  bool keep_longer) {
    {
        std::unique_lock lock(mutex_);
        while (true) {
            const auto [it, added] = entries_.try_emplace(directory);
            if (added) {
                it->second.loading = std::make_unique<Loading>();
                break;
            }
            if (it->second.listing) {
                order_.splice(order_.begin(), order_, it->second.order);
                return it->second.listing;
            }
            loaded_.wait(lock);
        }
    }
    try {
        return install(directory, read(directory), keep_longer);
    } catch (...) {
        abandon(directory);
        throw;
    }
}

std::shared_ptr<const Listing> ListingCache::install(const std::string& directory,
                                                     std::vector<std::string> names,
                                                     bool keep_longer) {
    auto listing = std::make_shared<Listing>(std::move(names));
    {
        const std::lock_guard lock(mutex_);
        const auto it = entries_.find(directory);
        Entry& entry = it->second;
        for (const Loading::Change& change : entry.loading->changes) {
            if (change.present) {
                listing->names_.insert(change.name);
            } else {
                listing->names_.erase(change.name);
            }
        }
        entry.order = order_.insert(keep_longer ? order_.begin() : order_.end(), &it->first);
        entry.loading.reset();
        entry.listing = listing;
        account(directory, entry);
        evict();
    }
    loaded_.notify_all();
    return listing;
}

void ListingCache::abandon(const std::string& directory) {
    {
        const std::lock_guard lock(mutex_);
        entries_.erase(directory);
    }
    loaded_.notify_all();
}

void ListingCache::apply(const std::string& directory, std::string_view name, bool present) {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(directory);
    if (it == entries_.end()) return;
    Entry& entry = it->second;
    if (entry.loading) {
        entry.loading->changes.push_back({std::string(name), present});
        return;
    }
    {
        const std::lock_guard names_lock(entry.listing->mutex_);
        if (present) {
            entry.listing->names_.insert(name);
        } else {
            entry.listing->names_.erase(name);
        }
    }
    account(directory, entry);
    evict();
}

void ListingCache::account(const std::string& directory, Entry& entry) {
    bytes_ -= entry.bytes;
    entry.bytes = entry_overhead + directory.capacity() + entry.listing->names_.memory();
    bytes_ += entry.bytes;
}

void ListingCache::evict() {
    while (bytes_ > max_bytes_ && !order_.empty()) {
        const auto it = entries_.find(*order_.back());
        bytes_ -= it->second.bytes;
        order_.pop_back();
        entries_.erase(it);
    }
}

}  // namespace pkgreg
