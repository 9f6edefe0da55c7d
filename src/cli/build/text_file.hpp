// Documents that a command reads whole.
#pragma once

#include <filesystem>
#include <string>

namespace pkgreg::cli {

/// Throws `io` where it cannot be read, and `too_large` for more than 64 MiB. Messages begin with
/// "cannot be read" or "is", to follow the file's name.
std::string read_text_file(const std::filesystem::path& file);

/// Throws `ProgramError` unless `folder` is a folder, as `option` should have named one.
void require_folder(const std::filesystem::path& folder, const std::string& option);

}  // namespace pkgreg::cli
