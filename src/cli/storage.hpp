// From the text of `--storage` to a store.
#pragma once

#include "pkgreg/object_store.hpp"
#include "pkgreg/work_pool.hpp"

#include <memory>
#include <string>

namespace pkgreg::cli {

/// Whether the location names storage that ends with the process.
bool is_memory(const std::string& location);

/// Opens a directory (`DIR`, `file:///DIR`), or makes a store in memory (`memory:`).
///
/// @param read_only open the directory beside whoever writes to it, and change nothing in it
/// Throws `ProgramError` with `ExitCode::storage`, or with `ExitCode::usage` for a location that
/// cannot be read.
std::shared_ptr<ObjectStore> open_storage(const std::string& location, bool read_only,
                                          std::shared_ptr<WorkPool> pool);

}  // namespace pkgreg::cli
