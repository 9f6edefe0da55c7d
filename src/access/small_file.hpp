// A file of an operator's, read whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace pkgreg::access {

/// The content. Throws `invalid_options`, with the file's name, where it cannot be read or has more
/// than `limit` bytes.
std::string read_small_file(const std::filesystem::path& file, std::size_t limit);

}  // namespace pkgreg::access
