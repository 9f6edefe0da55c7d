#include "store/directory_writer.hpp"

#include "store/arguments.hpp"
#include "store/directory_files.hpp"

#include <utility>
#include <vector>

namespace pkgreg {

/// A change of a key that is under way: tells the cache of it, whatever happens.
class DirectoryWriter::Change {
 public:
    Change(ContentCache& contents, const std::string& key) : contents_(contents), key_(key) {
        contents_.begin_write(key_);
    }
    ~Change() {
        if (!ended_) contents_.end_write(key_, std::nullopt);
    }
    Change(const Change&) = delete;
    Change& operator=(const Change&) = delete;

    void written() { ticket_ = contents_.written(key_); }
    bool superseded() const { return contents_.superseded(key_, ticket_); }
    bool alone() const { return contents_.writers(key_) == 1; }
    void end(std::optional<CachedObject> object) {
        contents_.end_write(key_, std::move(object));
        ended_ = true;
    }

 private:
    ContentCache& contents_;
    const std::string& key_;
    std::uint64_t ticket_ = 0;
    bool ended_ = false;
};

void DirectoryWriter::place(TemporaryFile& file, const ObjectKey& key, const PutOptions& options,
                            std::shared_ptr<const std::string> content) {
    context_->check_process();
    const std::string& path = key.str();
    file.sync();
    std::optional<CachedObject> object;
    if (content) object = CachedObject{std::move(content), stat_file(file.fd())};
    file.close();

    Change change(contents_, path);
    bool replaced = false;
    {
        const std::lock_guard lock(stripe_of(path));
        const auto current = stat_file(context_->root(), path);
        replaced = current.has_value();
        check_conditions(key, options, replaced, current ? current->etag : std::string());
        name_file(file, path, options.if_absent());
        change.written();
        const std::lock_guard keys_lock(durable_keys_mutex_);
        durable_keys_.erase(path);
    }
    try {
        sync_names(parent_of(path));
    } catch (...) {
        // Nobody was told of a new object, so it goes. A replaced one cannot be brought back.
        if (!replaced) discard(path, change);
        throw;
    }
    const std::lock_guard lock(stripe_of(path));
    if (change.superseded()) return;
    show(path);
    {
        const std::lock_guard keys_lock(durable_keys_mutex_);
        durable_keys_.insert(path);
    }
    change.end(std::move(object));
}

bool DirectoryWriter::remove(const ObjectKey& key) {
    context_->check_process();
    const std::string& path = key.str();
    const std::string directory = parent_of(path);
    Change change(contents_, path);
    bool removed = false;
    {
        const std::lock_guard lock(stripe_of(path));
        removed = context_->files().unlink(context_->root(), path);
        if (removed) {
            change.written();
            listings_.erase(directory, name_of(path));
            const std::lock_guard keys_lock(durable_keys_mutex_);
            durable_keys_.erase(path);
        } else if (change.alone()) {
            return false;
        }
        // Else another call may have removed it and not finished: "not there" must be durable too.
    }
    sync_nearest(directory);
    prune(directory);
    return removed;
}

bool DirectoryWriter::is_durable(const ObjectKey& key) {
    const std::lock_guard lock(durable_keys_mutex_);
    return durable_keys_.contains(key.str());
}

void DirectoryWriter::sync(const ObjectKey& key) {
    context_->check_process();
    const std::string& path = key.str();
    const std::uint64_t generation = contents_.generation(path);
    const int fd = context_->files().reopen(context_->root(), path);
    if (fd < 0) {
        throw Error(ErrorCode::not_found, "there is no object " + context_->full_path(path));
    }
    try {
        context_->files().sync_file(fd);
    } catch (...) {
        context_->files().close(fd);
        throw;
    }
    context_->files().close(fd);
    sync_names(parent_of(path));
    const std::lock_guard lock(stripe_of(path));
    if (contents_.writers(path) > 0 || contents_.generation(path) != generation) return;
    const std::lock_guard keys_lock(durable_keys_mutex_);
    durable_keys_.insert(path);
}

void DirectoryWriter::name_file(TemporaryFile& file, const std::string& path, bool if_absent) {
    FileSystem& files = context_->files();
    // A directory that was just made may be removed as empty by a remove() beside; a few times at
    // most, as that needs another object to have been there in between.
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (if_absent) {
            const auto result = files.link(context_->root(), file.path(), path);
            if (result == FileSystem::LinkResult::linked)
                return;  // the first name goes with `file`
            if (result == FileSystem::LinkResult::exists) {
                throw Error(ErrorCode::precondition_failed,
                            "there is an object " + path + " already");
            }
        } else if (files.rename(context_->root(), file.path(), path)) {
            file.moved();
            return;
        }
        make_directories(parent_of(path));
    }
    throw Error(ErrorCode::io, "cannot put a file in place at " + context_->full_path(path) +
                                   ": its directory or the file is removed by someone else");
}

void DirectoryWriter::make_directories(const std::string& directory) {
    for (std::size_t end = 0; end < directory.size();) {
        end = directory.find('/', end + 1);
        if (end == std::string::npos) end = directory.size();
        const std::string path = directory.substr(0, end);
        const std::lock_guard lock(tree_mutex_);
        if (context_->files().make_directory(context_->root(), path) ==
            FileSystem::MakeResult::no_parent) {
            return;  // removed meanwhile; the caller tries again
        }
    }
}

/// Makes the names in `directory` durable, and the names of the directories that lead to it, from
/// the top down, as far as they are not known to be.
void DirectoryWriter::sync_names(const std::string& directory) {
    std::vector<std::string> unknown;
    std::uint64_t removed_before = 0;
    {
        const std::lock_guard lock(tree_mutex_);
        removed_before = directories_removed_;
        for (std::string d = directory; !d.empty(); d = parent_of(d)) {
            if (durable_directories_.contains(d)) break;
            unknown.push_back(d);
        }
    }
    for (auto d = unknown.rbegin(); d != unknown.rend(); ++d) {
        context_->files().sync_directory(context_->root(), parent_of(*d));
    }
    sync_nearest(directory);
    const std::lock_guard lock(tree_mutex_);
    // A directory removed and made again in between has a name that was not synced.
    if (directories_removed_ != removed_before) return;
    for (const std::string& d : unknown) durable_directories_.insert(d);
}

/// Syncs the directory, or, when it was removed as empty meanwhile, the nearest one above it that
/// is there: with its removal durable, so is that of everything in it.
void DirectoryWriter::sync_nearest(std::string directory) {
    while (!context_->files().sync_directory(context_->root(), directory) && !directory.empty()) {
        directory = parent_of(directory);
    }
}

/// Lets the cached listings know a new object, and the directories that lead to it.
void DirectoryWriter::show(const std::string& path) {
    std::string directory = parent_of(path);
    listings_.insert(directory, name_of(path));
    while (!directory.empty()) {
        std::string parent = parent_of(directory);
        listings_.insert(parent, std::string(name_of(directory)) + "/");
        directory = std::move(parent);
    }
}

/// Takes a new object back whose name could not be made durable.
void DirectoryWriter::discard(const std::string& path, Change& change) {
    const std::lock_guard lock(stripe_of(path));
    if (change.superseded()) return;
    try {
        context_->files().unlink(context_->root(), path);
    } catch (const Error&) {
        // The error that led here is the one to report.
    }
    listings_.erase(parent_of(path), name_of(path));
}

/// Removes directories that are empty now, but for those at the top. Their names need no sync: an
/// empty directory that comes back is nothing.
void DirectoryWriter::prune(std::string directory) {
    while (directory.find('/') != std::string::npos) {
        std::string parent = parent_of(directory);
        const std::lock_guard lock(tree_mutex_);
        try {
            if (!context_->files().remove_directory(context_->root(), directory)) return;
        } catch (const Error&) {
            return;  // an empty directory does no harm
        }
        ++directories_removed_;
        durable_directories_.erase(directory);
        listings_.erase(parent, std::string(name_of(directory)) + "/");
        directory = std::move(parent);
    }
}

}  // namespace pkgreg
