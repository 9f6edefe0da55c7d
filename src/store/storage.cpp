#include "pkgreg/storage.hpp"

#include "pkgreg/directory_store.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/memory_store.hpp"

#include "base/mask_secrets.hpp"
#include "store/storage_places.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::string_view file_scheme = "file://";

std::shared_ptr<ObjectStore> open_directory(const std::filesystem::path& directory,
                                            StorageUse use) {
    std::error_code error;
    if (use.read_only && !std::filesystem::is_directory(directory, error)) {
        throw Error(ErrorCode::not_found,
                    "there is no storage at " + directory.string() +
                        (error ? ": " + error.message() : ": not a directory"));
    }
    DirectoryStoreOptions options;
    options.read_only = use.read_only;
    options.pool = std::move(use.pool);
    return open_directory_store(directory, std::move(options));
}

std::shared_ptr<ObjectStore> open_bucket(const S3Storage& storage, const Options& all,
                                         StorageUse use) {
    S3StoreOptions options = s3_store_options(storage, all.program.secrets_dir);
    options.exclusive = all.service.instances == 1U && !use.read_only;
    options.pool = std::move(use.pool);
    options.warn = std::move(use.warn);
    return open_s3_store(std::move(options));
}

}  // namespace

std::string storage_location(const Options& options) {
    const std::string location = options.storage();
    if (location.empty()) {
        throw Error(ErrorCode::invalid_options,
                    "there is no storage; give --storage DIR or --storage s3://BUCKET/PATH, "
                    "PKGREG_STORAGE, or pkgreg.storage in the options file (memory: keeps "
                    "nothing)");
    }
    // A volume's path is relative to the sandbox in which the scheduler starts the task.
    const char* sandbox = std::getenv("MESOS_SANDBOX");
    if (sandbox && options.program.storage.empty() && options.mount_volume) {
        return (std::filesystem::path(sandbox) / location).string();
    }
    return location;
}

bool is_memory_storage(std::string_view location) noexcept {
    return location == "memory:";
}

std::filesystem::path directory_of(const std::string& location) {
    if (location.starts_with(file_scheme)) {
        std::string path = location.substr(file_scheme.size());
        if (path.starts_with('/') && path.find('%') == std::string::npos) return path;
        throw Error(ErrorCode::invalid_options,
                    "'" + location +
                        "' does not name a directory; write "
                        "file:///path without %-escapes, or the path alone");
    }
    if (location.find("://") != std::string::npos) {
        throw Error(ErrorCode::invalid_options, "'" + masked_url(location) +
                                                    "' is no storage that is known here; give a "
                                                    "directory, s3://BUCKET/PATH, or memory:");
    }
    return location;
}

std::shared_ptr<ObjectStore> open_storage(const Options& options, StorageUse use) {
    if (const auto bucket = options.s3_storage()) {
        return open_bucket(*bucket, options, std::move(use));
    }
    const std::string location = storage_location(options);
    if (is_memory_storage(location)) return make_memory_store();
    return open_directory(directory_of(location), std::move(use));
}

}  // namespace pkgreg
