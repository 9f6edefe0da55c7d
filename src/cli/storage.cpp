#include "cli/storage.hpp"

#include "pkgreg/directory_store.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/memory_store.hpp"

#include "base/mask_secrets.hpp"
#include "cli/exit_code.hpp"

#include <filesystem>
#include <string_view>
#include <utility>

namespace pkgreg::cli {
namespace {

constexpr std::string_view file_scheme = "file://";

/// The directory that the location names.
std::filesystem::path directory_of(const std::string& location) {
    if (location.starts_with("s3://")) {
        throw ProgramError(ExitCode::storage,
                           "this build has no S3 storage; keep the content in a directory "
                           "(--storage DIR)");
    }
    if (location.starts_with(file_scheme)) {
        std::string path = location.substr(file_scheme.size());
        if (path.starts_with('/') && path.find('%') == std::string::npos) return path;
        throw ProgramError(ExitCode::usage,
                           "'" + location +
                               "' does not name a directory; write "
                               "file:///path without %-escapes, or the path alone");
    }
    if (location.find("://") != std::string::npos) {
        throw ProgramError(ExitCode::usage, "'" + masked_url(location) +
                                                "' is no storage that is known here; give a "
                                                "directory, or memory:");
    }
    return location;
}

std::shared_ptr<ObjectStore> open_directory(const std::filesystem::path& directory, bool read_only,
                                            std::shared_ptr<WorkPool> pool) {
    std::error_code error;
    if (read_only && !std::filesystem::is_directory(directory, error)) {
        throw ProgramError(ExitCode::storage,
                           "there is no storage at " + directory.string() +
                               (error ? ": " + error.message() : ": not a directory"));
    }
    DirectoryStoreOptions options;
    options.read_only = read_only;
    options.pool = std::move(pool);
    return open_directory_store(directory, std::move(options));
}

}  // namespace

bool is_memory(const std::string& location) {
    return location == "memory:";
}

std::shared_ptr<ObjectStore> open_storage(const std::string& location, bool read_only,
                                          std::shared_ptr<WorkPool> pool) {
    if (is_memory(location)) return make_memory_store();
    const std::filesystem::path directory = directory_of(location);
    try {
        return open_directory(directory, read_only, std::move(pool));
    } catch (const Error& error) {
        throw ProgramError(ExitCode::storage, error.message());
    }
}

}  // namespace pkgreg::cli
