#include "store/directory_walk.hpp"

#include <utility>

namespace pkgreg {
namespace {

/// The path of what is in `directory`, up to its name.
std::string inside(const std::string& directory) {
    return directory.empty() ? std::string() : directory + "/";
}

}  // namespace

DirectoryWalk::DirectoryWalk(const RootDirectory& root, ListingCache* cache,
                             std::string_view prefix, std::string_view start_after,
                             std::size_t limit)
    : root_(root), cache_(cache), prefix_(prefix), start_after_(start_after), limit_(limit) {
    enter(parent_of(prefix));
}

/// Puts a directory on the way, beginning where the prefix and `start_after` say.
void DirectoryWalk::enter(std::string directory) {
    const std::string base = inside(directory);
    Level level{std::move(directory), nullptr, {}, false};
    if (prefix_.size() > base.size()) level.from = prefix_.substr(base.size());
    if (start_after_ > base && start_after_.starts_with(base)) {
        std::string name = start_after_.substr(base.size());
        const std::size_t slash = name.find('/');
        // A directory that `start_after` leads into is entered; of a file, the next one is wanted.
        if (slash != std::string::npos) name.resize(slash + 1);
        if (name > level.from || (name == level.from && slash == std::string::npos)) {
            level.after_from = slash == std::string::npos;
            level.from = std::move(name);
        }
    } else if (start_after_ > base) {
        return;  // all keys in here begin with `base`, so they are less
    }
    levels_.push_back(std::move(level));
}

bool DirectoryWalk::run(Blocking blocking) {
    while (!levels_.empty() && !page_.more) {
        Level& level = levels_.back();
        if (!level.listing) {
            level.listing = listing_of(level.directory, blocking);
            if (!level.listing) return false;
        }
        if (!scan(level)) levels_.pop_back();
    }
    return true;
}

std::shared_ptr<const Listing> DirectoryWalk::listing_of(const std::string& directory,
                                                         Blocking blocking) {
    if (cache_ != nullptr) {
        if (auto listing = cache_->find(directory)) return listing;
    }
    if (blocking == Blocking::never) return nullptr;
    const auto read = [this](const std::string& d) { return read_names(root_, d); };
    if (cache_ != nullptr) return cache_->load(directory, read, levels_.size() == 1);
    return std::make_shared<Listing>(read(directory));
}

/// Takes the files at this level, up to the first directory, which is entered. False when the level
/// has no more.
bool DirectoryWalk::scan(Level& level) {
    const std::string base = inside(level.directory);
    const std::string_view wanted =
        prefix_.size() > base.size() ? std::string_view(prefix_).substr(base.size()) : "";
    std::string below;
    bool last = true;
    level.listing->visit(level.from, [&](std::string_view name) {
        if (level.after_from && name == level.from) return true;
        if (!name.starts_with(wanted)) return false;
        if (name.back() == '/') {
            below = name;
            last = false;
            return false;
        }
        if (page_.keys.size() == limit_) {
            page_.more = true;
            last = false;
            return false;
        }
        page_.keys.push_back(base + std::string(name));
        return true;
    });
    if (below.empty()) return !last;
    level.after_from = true;
    level.from = below;
    below.pop_back();
    enter(base + below);  // the level may move in memory
    return true;
}

}  // namespace pkgreg
