// FileSystem: the system calls that change a directory store, behind one seam, so that tests can
// record them, drop what was not synced, and make them fail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace pkgreg {

/// The directory that a store lives in. All paths are relative to its descriptor, so a store stays
/// in its directory when that is renamed; `path` is for messages.
struct RootDirectory {
    int fd = -1;
    std::string path;
};

/// Each member is one system call. Members throw `Error` (`io` or `no_space`, with the path
/// and the system's message) unless they say otherwise. They follow no symbolic link at the end of
/// a path, and no descriptor survives an `exec`. They may be called from any thread.
class FileSystem {
 public:
    virtual ~FileSystem() = default;

    /// Creates a new file for writing; the file must not exist. Returns its descriptor.
    virtual int create(const RootDirectory& root, const std::string& path) = 0;
    /// Opens an existing file to write to it or to sync it; -1 when there is none.
    virtual int reopen(const RootDirectory& root, const std::string& path) = 0;
    /// Writes all bytes at `offset`.
    virtual void write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) = 0;
    /// Starts to write dirty pages out, without waiting; a hint.
    virtual void start_writeback(int fd, std::uint64_t offset, std::uint64_t length) noexcept = 0;
    /// Sets the time of the last change, in nanoseconds since the Unix epoch.
    virtual void set_modified(int fd, std::int64_t time) = 0;
    /// Makes a file's data, size and time durable.
    virtual void sync_file(int fd) = 0;
    virtual void close(int fd) noexcept = 0;
    /// Makes the names in a directory durable; an empty path is the root. False when there is no
    /// such directory.
    virtual bool sync_directory(const RootDirectory& root, const std::string& path) = 0;
    /// Replaces `to` if it is there; false when the directory of `to` is not there.
    virtual bool rename(const RootDirectory& root, const std::string& from,
                        const std::string& to) = 0;
    enum class LinkResult { linked, exists, no_directory };
    /// Gives a file a second name.
    virtual LinkResult link(const RootDirectory& root, const std::string& from,
                            const std::string& to) = 0;
    /// False when there is no such file.
    virtual bool unlink(const RootDirectory& root, const std::string& path) = 0;
    enum class MakeResult { made, exists, no_parent };
    virtual MakeResult make_directory(const RootDirectory& root, const std::string& path) = 0;
    /// Removes an empty directory; false when it is not empty or not there.
    virtual bool remove_directory(const RootDirectory& root, const std::string& path) = 0;
};

/// The operating system's. Stateless; shared by all stores.
std::shared_ptr<FileSystem> system_file_system();

}  // namespace pkgreg
