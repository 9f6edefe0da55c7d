// FileSystem: the system calls that change a directory store, behind one seam, so that tests can
// record them, drop what was not synced, and make them fail.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace pkgreg {

/// Each member is one system call on a path below the store's root. Members throw `Error` (`io`,
/// `no_space`, `denied`, with the path and the system's message) unless they say otherwise.
class FileSystem {
 public:
    virtual ~FileSystem() = default;

    /// Creates a new file for writing; the file must not exist. Returns its descriptor.
    virtual int create(const std::string& path) = 0;
    /// Opens an existing file to append to it. Returns its descriptor.
    virtual int reopen(const std::string& path) = 0;
    /// Writes all bytes at `offset`.
    virtual void write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) = 0;
    /// Starts to write dirty pages out, without waiting; a hint.
    virtual void start_writeback(int fd, std::uint64_t offset, std::uint64_t length) = 0;
    /// Makes a file's data and size durable.
    virtual void sync_file(int fd) = 0;
    virtual void close(int fd) = 0;
    /// Makes the names in a directory durable.
    virtual void sync_directory(const std::string& path) = 0;
    /// Replaces `to` if it is there.
    virtual void rename(const std::string& from, const std::string& to) = 0;
    /// Gives a file a second name; false when `to` is there already.
    virtual bool link(const std::string& from, const std::string& to) = 0;
    /// False when there is no such file.
    virtual bool unlink(const std::string& path) = 0;
    /// False when it is there already.
    virtual bool make_directory(const std::string& path) = 0;
    /// Removes an empty directory; false when it is not empty or not there.
    virtual bool remove_directory(const std::string& path) = 0;
};

/// The operating system's. Stateless; shared by all stores.
std::shared_ptr<FileSystem> system_file_system();

}  // namespace pkgreg
