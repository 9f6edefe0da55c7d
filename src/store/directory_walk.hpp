// DirectoryWalk: one page of a listing, gathered from the sorted names of as many directories as it
// takes.
#pragma once

#include "pkgreg/object_store.hpp"

#include "store/directory_files.hpp"
#include "store/listing_cache.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// The keys that begin with `prefix` and are greater than `start_after`, up to `limit`. One thread
/// uses it at a time.
class DirectoryWalk {
 public:
    /// `cache` may be null: then every directory is read anew.
    DirectoryWalk(const RootDirectory& root, ListingCache* cache, std::string_view prefix,
                  std::string_view start_after, std::size_t limit);

    /// Goes on; false when a directory is needed that is not cached and blocking is not allowed.
    bool run(Blocking blocking);

    ListPage take() noexcept { return std::move(page_); }

 private:
    /// A directory on the way to where the walk is.
    struct Level {
        std::string directory;  // empty: the root
        std::shared_ptr<const Listing> listing;
        std::string from;  // the first name not looked at yet
        bool after_from;   // ... or rather the one behind it
    };

    void enter(std::string directory);
    std::shared_ptr<const Listing> listing_of(const std::string& directory, Blocking blocking);
    bool scan(Level& level);

    const RootDirectory& root_;
    ListingCache* const cache_;
    const std::string prefix_;
    const std::string start_after_;
    const std::size_t limit_;
    std::vector<Level> levels_;
    ListPage page_;
};

}  // namespace pkgreg
