// The store in a directory. Reads are answered from the caches or the page cache on the caller's
// thread where they can be; everything that may wait for a disk runs on the work pool.
#include "pkgreg/directory_store.hpp"

#include "pkgreg/object_store.hpp"

#include "base/suspend.hpp"
#include "store/arguments.hpp"
#include "store/content_cache.hpp"
#include "store/directory_context.hpp"
#include "store/directory_files.hpp"
#include "store/directory_lock.hpp"
#include "store/directory_reader.hpp"
#include "store/directory_upload.hpp"
#include "store/directory_walk.hpp"
#include "store/directory_writer.hpp"
#include "store/listing_cache.hpp"
#include "store/memory_reader.hpp"
#include "store/system_error.hpp"

#include <cerrno>
#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

using Bytes = std::shared_ptr<const std::string>;

/// An object that was read whole, or, if it is too large for that, only opened.
struct LoadedObject {
    OpenedFile file;
    Bytes bytes;
};

class DirectoryStore final : public ObjectStore {
 public:
    DirectoryStore(std::shared_ptr<DirectoryContext> context, std::unique_ptr<DirectoryLock> lock,
                   std::shared_ptr<WorkPool> pool, std::size_t cache_bytes)
        : context_(std::move(context)),
          lock_(std::move(lock)),
          pool_(std::move(pool)),
          listings_(cache_bytes),
          contents_(cache_bytes),
          writer_(context_, listings_, contents_) {}

    StoreCapabilities capabilities() const noexcept override {
        return {.late_naming = true, .if_absent = true, .if_match = true, .exclusive = writable()};
    }
    std::string describe() const override { return "directory " + context_->root().path; }

    awaitable<std::optional<ObjectInfo>> head(const ObjectKey& key) override;
    awaitable<Bytes> get(const ObjectKey& key) override;
    awaitable<std::unique_ptr<ObjectReader>> open(const ObjectKey& key, ByteRange range) override;
    awaitable<void> put(const ObjectKey& key, std::string_view bytes, PutOptions options) override;
    awaitable<std::unique_ptr<ObjectUpload>> begin_upload(std::optional<ObjectKey> key) override;
    awaitable<void> publish(std::unique_ptr<ObjectUpload> upload, const ObjectKey& key) override;
    awaitable<void> sync(const ObjectKey& key) override;
    awaitable<bool> remove(const ObjectKey& key) override;
    awaitable<ListPage> list(std::string_view prefix, std::string_view start_after,
                             std::size_t limit) override;

 private:
    bool writable() const noexcept { return lock_ != nullptr; }
    void check_writable() const;
    bool is_known_absent(const ObjectKey& key) {
        return writable() && listings_.lacks(parent_of(key.view()), name_of(key.view()));
    }
    /// Runs what may block on the pool.
    template <class F>
    awaitable<std::invoke_result_t<F&>> run(F& work) {
        context_->check_process();
        return offload(*pool_, work);
    }
    awaitable<OpenedFile> open_object(const ObjectKey& key);
    awaitable<Bytes> read_whole(const ObjectKey& key, const OpenedFile& file);
    awaitable<LoadedObject> load(const ObjectKey& key, std::uint64_t max_size);

    const std::shared_ptr<DirectoryContext> context_;
    const std::unique_ptr<DirectoryLock> lock_;  // null: read-only
    const std::shared_ptr<WorkPool> pool_;
    ListingCache listings_;
    ContentCache contents_;
    DirectoryWriter writer_;
};

void DirectoryStore::check_writable() const {
    if (writable()) return;
    throw Error(ErrorCode::read_only,
                "the directory " + context_->root().path + " was opened read-only");
}

awaitable<OpenedFile> DirectoryStore::open_object(const ObjectKey& key) {
    OpenedFile file = open_file(context_->root(), key.str(), Blocking::never);
    if (file.would_block) {
        auto work = [&] { return open_file(context_->root(), key.str(), Blocking::allowed); };
        file = co_await run(work);
    }
    co_return file;
}

awaitable<Bytes> DirectoryStore::read_whole(const ObjectKey& key, const OpenedFile& file) {
    auto bytes = std::make_shared<std::string>(file.info.size, '\0');
    std::span<std::byte> rest = std::as_writable_bytes(std::span(*bytes));
    while (!rest.empty()) {
        const std::uint64_t offset = bytes->size() - rest.size();
        auto n = read_cached(file.fd.get(), rest, offset);
        if (!n) {
            auto work = [&] { return read_some(file.fd.get(), rest, offset); };
            n = co_await run(work);
        }
        if (*n == 0) {
            throw Error(ErrorCode::corrupt, "the file " + context_->full_path(key.str()) +
                                                " became shorter while it was read; objects must "
                                                "not be changed in place");
        }
        rest = rest.subspan(*n);
    }
    co_return bytes;
}

/// Opens an object, and reads it whole unless it has more than `max_size` bytes.
awaitable<LoadedObject> DirectoryStore::load(const ObjectKey& key, std::uint64_t max_size) {
    LoadedObject object;
    if (is_known_absent(key)) co_return object;
    const std::uint64_t generation = contents_.generation(key.str());
    object.file = co_await open_object(key);
    if (!object.file.fd || object.file.info.size > max_size) co_return object;
    object.bytes = co_await read_whole(key, object.file);
    if (writable()) {
        CachedObject cached{object.bytes, object.file.info};
        contents_.insert_read(key.str(), generation, std::move(cached));
    }
    co_return object;
}

awaitable<std::optional<ObjectInfo>> DirectoryStore::head(const ObjectKey& key) {
    if (auto info = contents_.find_info(key.str())) co_return info;
    if (is_known_absent(key)) co_return std::nullopt;
    const OpenedFile file = co_await open_object(key);
    if (!file.fd) co_return std::nullopt;
    co_return file.info;
}

awaitable<Bytes> DirectoryStore::get(const ObjectKey& key) {
    if (Bytes bytes = contents_.find_bytes(key.str())) co_return bytes;
    const LoadedObject object = co_await load(key, max_small_object);
    if (object.file.fd) check_small_object(key, object.file.info.size);
    co_return object.bytes;
}

awaitable<std::unique_ptr<ObjectReader>> DirectoryStore::open(const ObjectKey& key,
                                                              ByteRange range) {
    std::unique_ptr<ObjectReader> reader;
    if (Bytes bytes = contents_.find_bytes(key.str())) {
        reader = std::make_unique<MemoryReader>(std::move(bytes), range);
        co_return reader;
    }
    // A small object is asked for again: in memory it saves the file's opening and closing.
    LoadedObject object = co_await load(key, writable() ? ContentCache::max_object : 0);
    if (object.bytes) {
        reader = std::make_unique<MemoryReader>(std::move(object.bytes), range);
    } else if (object.file.fd) {
        reader = std::make_unique<DirectoryReader>(context_, pool_, key.str(),
                                                   std::move(object.file), range);
    }
    co_return reader;
}

awaitable<void> DirectoryStore::put(const ObjectKey& key, std::string_view bytes,
                                    PutOptions options) {
    check_writable();
    auto work = [&] {
        TemporaryFile file(context_);
        file.write(std::as_bytes(std::span(bytes)));
        Bytes content;
        if (bytes.size() <= ContentCache::max_object) {
            content = std::make_shared<const std::string>(bytes);
        }
        writer_.place(file, key, options, std::move(content));
    };
    co_await run(work);
}

awaitable<std::unique_ptr<ObjectUpload>> DirectoryStore::begin_upload(
    std::optional<ObjectKey> key) {
    check_writable();
    context_->check_process();
    co_return std::make_unique<DirectoryUpload>(context_, pool_, std::move(key));
}

awaitable<void> DirectoryStore::publish(std::unique_ptr<ObjectUpload> upload,
                                        const ObjectKey& key) {
    check_writable();
    auto* const mine = dynamic_cast<DirectoryUpload*>(upload.get());
    check_upload(mine != nullptr && mine->context() == context_.get(),
                 mine ? mine->key() : std::nullopt, key);
    const std::shared_ptr<TemporaryFile> file = co_await mine->take();
    const PutOptions replace;
    auto work = [&] { writer_.place(*file, key, replace, nullptr); };
    co_await run(work);
}

awaitable<void> DirectoryStore::sync(const ObjectKey& key) {
    check_writable();
    if (writer_.is_durable(key)) co_return;
    auto work = [&] { writer_.sync(key); };
    co_await run(work);
}

awaitable<bool> DirectoryStore::remove(const ObjectKey& key) {
    check_writable();
    auto work = [&] { return writer_.remove(key); };
    co_return co_await run(work);
}

awaitable<ListPage> DirectoryStore::list(std::string_view prefix, std::string_view start_after,
                                         std::size_t limit) {
    check_list_arguments(prefix, limit);
    DirectoryWalk walk(context_->root(), writable() ? &listings_ : nullptr, prefix, start_after,
                       limit);
    if (!walk.run(Blocking::never)) {
        auto work = [&] { walk.run(Blocking::allowed); };
        co_await run(work);
    }
    co_return walk.take();
}

/// Whether the store may be in this directory: it is empty, or a store was in it before.
bool is_ours(const RootDirectory& root) {
    bool empty = true;
    std::error_code error;
    std::filesystem::directory_iterator entry(root.path, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (name == ".lock" || name == temporary_directory || name == "format") return true;
        if (name != "lost+found") empty = false;
    }
    if (error) throw_system_error(error.value(), "read the directory", root.path);
    return empty;
}

/// Makes `path` and the directories above it, with their names on the disk.
void make_root(const std::filesystem::path& path) {
    if (mkdir(path.c_str(), 0777) < 0) {
        if (errno == EEXIST) return;
        if (errno != ENOENT || !path.has_parent_path() || path.parent_path() == path) {
            throw_system_error(errno, "make the directory", path.string());
        }
        make_root(path.parent_path());
        if (mkdir(path.c_str(), 0777) < 0 && errno != EEXIST) {
            throw_system_error(errno, "make the directory", path.string());
        }
    }
    const UniqueFd parent(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || fsync(parent.get()) < 0) {
        throw_system_error(errno, "sync the directory", path.parent_path().string());
    }
}

std::shared_ptr<DirectoryContext> open_root(const std::filesystem::path& path, bool create,
                                            std::shared_ptr<FileSystem> files) {
    if (create) make_root(path);
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) throw_system_error(errno, "open the directory", path.string());
    RootDirectory root{fd, path.string()};
    auto context = std::make_shared<DirectoryContext>(std::move(root), std::move(files));
    if (!is_ours(context->root())) {
        throw Error(ErrorCode::incompatible,
                    "the directory " + path.string() +
                        " has files in it, but not those of a registry; give an empty directory, "
                        "or one that a registry was in");
    }
    return context;
}

/// Removes what a crash left unfinished, and makes the place for unfinished files.
void clean_temporary_files(const DirectoryContext& context) {
    FileSystem& files = context.files();
    const RootDirectory& root = context.root();
    if (files.make_directory(root, temporary_directory) == FileSystem::MakeResult::made) {
        // Before anything else is here: by this name the directory is known as ours.
        files.sync_directory(root, "");
        return;
    }
    for (const std::string& name : read_names(root, temporary_directory)) {
        files.unlink(root, temporary_directory + "/" + name);
    }
}

/// The same pool, but never destroyed in a forked process: its threads stayed in the parent, and
/// waiting for them would never end.
std::shared_ptr<WorkPool> kept_in_fork(std::shared_ptr<WorkPool> pool) {
    WorkPool* const shared = pool.get();
    return {shared, [pool = std::move(pool), process = getpid()](WorkPool*) mutable {
                if (getpid() != process) new std::shared_ptr<WorkPool>(std::move(pool));
            }};
}

}  // namespace

std::shared_ptr<ObjectStore> open_directory_store(const std::filesystem::path& root,
                                                  DirectoryStoreOptions options) {
    if (!options.file_system) options.file_system = system_file_system();
    if (!options.pool) options.pool = std::make_shared<WorkPool>();
    std::filesystem::path path = std::filesystem::absolute(root).lexically_normal();
    if (!path.has_filename()) path = path.parent_path();  // no '/' at the end
    auto context = open_root(path, !options.read_only, std::move(options.file_system));
    std::unique_ptr<DirectoryLock> lock;
    if (!options.read_only) {
        lock = std::make_unique<DirectoryLock>(context->root());
        clean_temporary_files(*context);
    }
    return std::make_shared<DirectoryStore>(std::move(context), std::move(lock),
                                            kept_in_fork(std::move(options.pool)),
                                            options.cache_bytes);
}

}  // namespace pkgreg
