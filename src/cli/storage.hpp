// From the options to a store.
#pragma once

#include "pkgreg/object_store.hpp"
#include "pkgreg/options.hpp"
#include "pkgreg/work_pool.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// Where the options keep content: a directory, `memory:` or `s3://bucket/path`. Throws
/// `ProgramError` with `ExitCode::usage` when they do not say.
std::string storage_location(const Options& options);

/// Whether the location names storage that ends with the process.
bool is_memory(const std::string& location);

/// The directory that a location names (`DIR`, `file:///DIR`). Throws `ProgramError` with
/// `ExitCode::usage` for a location of another kind.
std::string directory_of(const std::string& location);

/// How a store is opened.
struct StorageUse {
    /// A directory is opened beside whoever writes to it, and nothing in it is changed.
    bool read_only = false;
    std::shared_ptr<WorkPool> pool = nullptr;
    /// Receives what the operator of a bucket should know; may be empty.
    std::function<void(std::string_view)> warn = {};
};

/// Opens a directory or a bucket, or makes a store in memory. Throws `ProgramError`: with
/// `ExitCode::usage` where the options cannot work, and with `ExitCode::storage` where the storage
/// cannot be used.
std::shared_ptr<ObjectStore> open_storage(const Options& options, StorageUse use);

}  // namespace pkgreg::cli
