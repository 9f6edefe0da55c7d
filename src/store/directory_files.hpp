// The reading side of a directory store: how files are opened and read without waiting for a disk
// where their data is in the page cache, and how the names in a directory are read.
#pragma once

#include "pkgreg/object_store.hpp"

#include "store/file_system.hpp"
#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

enum class Blocking { never, allowed };

/// What became of opening a file to read it.
struct OpenedFile {
    UniqueFd fd;               ///< none: there is no such object, or it would block
    bool would_block = false;  ///< only where blocking was not allowed
    ObjectInfo info;
};

/// Opens the object at `path`. Something else than a regular file is no object.
OpenedFile open_file(const RootDirectory& root, const std::string& path, Blocking blocking);

/// Size, etag and time of the object at `path`; may block.
std::optional<ObjectInfo> stat_file(const RootDirectory& root, const std::string& path);
/// The same for an open file.
ObjectInfo stat_file(int fd);

/// Reads what is there without waiting, or nothing when that would block; 0 at the end of the file.
std::optional<std::size_t> read_cached(int fd, std::span<std::byte> into, std::uint64_t offset);
/// Reads at least one byte unless the file ends at `offset`; may block.
std::size_t read_some(int fd, std::span<std::byte> into, std::uint64_t offset);

/// The names of a directory (empty: the root) that can be part of a key, unordered, a directory's
/// with '/' behind it. Nothing when there is no such directory. May block.
std::vector<std::string> read_names(const RootDirectory& root, const std::string& directory);

/// The part of a path before its last '/', or empty.
std::string parent_of(std::string_view path);
/// The part of a path behind its last '/'.
std::string_view name_of(std::string_view path) noexcept;

}  // namespace pkgreg
