// Storage by options: from a location, or from the DC/OS package registry's options, to a store.
#pragma once

#include "pkgreg/object_store.hpp"
#include "pkgreg/options.hpp"
#include "pkgreg/s3_store.hpp"
#include "pkgreg/work_pool.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pkgreg {

/// Where the options keep content: a directory, `memory:` or `s3://bucket/path`. A volume's path is
/// relative to the task's sandbox where there is one (`MESOS_SANDBOX`). Throws `invalid_options`
/// when they do not say.
std::string storage_location(const Options& options);

/// Whether the location names storage that ends with the process.
bool is_memory_storage(std::string_view location) noexcept;

/// How a store is opened.
struct StorageUse {
    /// A directory is opened beside whoever writes to it, and nothing in it is changed.
    bool read_only = false;
    /// Threads for what would stall a loop; null: a pool of the store's own.
    std::shared_ptr<WorkPool> pool = nullptr;
    /// Receives what the operator of a bucket should know; may be empty. Called from any thread;
    /// must not throw.
    std::function<void(std::string_view)> warn = {};
};

/// Opens a directory or a bucket, or makes a store in memory. Throws `invalid_options` where the
/// options cannot work, such as a secret that is not there; else what `open_directory_store` and
/// `open_s3_store` throw.
std::shared_ptr<ObjectStore> open_storage(const Options& options, StorageUse use = {});

/// The options of a store in the bucket. Where no secret and no file is named, the keys are left to
/// the environment, see `S3CredentialSource`.
///
/// @param secrets_dir the directory in which secrets are files of their path; empty: none. The
///                    task's sandbox (`MESOS_SANDBOX`) is looked at after it
/// Throws `invalid_options` for a secret, a file or a profile that is not there.
S3StoreOptions s3_store_options(const S3Storage& storage, const std::string& secrets_dir);

}  // namespace pkgreg
