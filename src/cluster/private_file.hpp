// Files that hold secrets: read whole, and written so that nobody else ever reads them and each
// reader sees one version.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pkgreg::cluster {

/// The content of a file of at most 1 MiB. Throws `invalid_options` where it cannot be read.
std::string read_small_file(const std::filesystem::path& file);

/// Puts a file in place whole and durable, for its owner alone (0600); its directory is made where
/// it is missing (0700). Throws `io`, `no_space`.
void write_private_file(const std::filesystem::path& file, std::string_view bytes);

}  // namespace pkgreg::cluster
