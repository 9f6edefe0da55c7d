// What a directory must allow to hold a registry.
#pragma once

#include "cli/check_report.hpp"

#include <filesystem>

namespace pkgreg::cli {

/// Looks whether the directory can be opened, written to and synced, and how much room there is.
/// A server may be at work in it: its lock is not asked for, and no file is seen by it.
void check_directory(const std::filesystem::path& directory, CheckReport& report);

}  // namespace pkgreg::cli
