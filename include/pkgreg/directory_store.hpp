// The store that keeps each object as a file in a local directory.
#pragma once

#include "pkgreg/object_store.hpp"
#include "pkgreg/work_pool.hpp"

#include <cstddef>
#include <filesystem>
#include <memory>

namespace pkgreg {

class FileSystem;

/// How a directory store is opened.
struct DirectoryStoreOptions {
    /// Take no lock and write nothing: for copies, backups and checks beside a running writer. Such
    /// a store caches nothing, and every write throws `read_only`.
    bool read_only = false;
    /// Upper bound, in bytes, of the memory for cached listings and small objects, each.
    std::size_t cache_bytes = std::size_t{6} << 20;
    /// Threads for `fsync` and other work that may block; null: a pool of the store's own.
    std::shared_ptr<WorkPool> pool = nullptr;
    /// The system calls; null: the operating system's. For tests that record them or make them
    /// fail.
    std::shared_ptr<FileSystem> file_system = nullptr;
};

/// Opens `root` as a store, creating it when it is not there.
///
/// A key is a path below `root`; the store's own files begin with a dot (`.lock`, `.tmp/`). What a
/// crash left in `.tmp/` is removed. The directory has one writer: the store holds an `fcntl` lock
/// and an entry in a table of the process, so a second opening, from here or from another process,
/// throws `locked`, naming the process that holds it.
///
/// Durability: a file is written beside its place, synced, renamed into it, and every directory
/// that gained a name is synced, before a write completes. A failed `fsync` is never retried; the
/// file is discarded and the error thrown.
std::shared_ptr<ObjectStore> open_directory_store(const std::filesystem::path& root,
                                                  DirectoryStoreOptions options = {});

}  // namespace pkgreg
