// DirectoryContext: what every part of a directory store shares and outlives the store for: its
// directory, its system calls, and the process that may write.
#pragma once

#include "pkgreg/error.hpp"

#include "store/file_system.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

namespace pkgreg {

class DirectoryContext {
 public:
    /// Takes the descriptor in `root` over.
    DirectoryContext(RootDirectory root, std::shared_ptr<FileSystem> files)
        : root_(std::move(root)),
          files_(std::move(files)),
          process_(getpid()),
          in_memory_(is_in_memory(root_.fd)) {}
    ~DirectoryContext() { ::close(root_.fd); }
    DirectoryContext(const DirectoryContext&) = delete;
    DirectoryContext& operator=(const DirectoryContext&) = delete;

    const RootDirectory& root() const noexcept { return root_; }
    FileSystem& files() const noexcept { return *files_; }
    std::string full_path(const std::string& path) const { return root_.path + "/" + path; }

    /// Whether the file system has no disk behind it, so that a write never waits for one.
    bool in_memory() const noexcept { return in_memory_; }

    bool in_forked_process() const noexcept { return getpid() != process_; }
    /// Throws `forked` in another process than the one that opened the store: the lock is not
    /// its, nor are the threads.
    void check_process() const {
        if (!in_forked_process()) return;
        throw Error(ErrorCode::forked, "the directory " + root_.path + " was opened by process " +
                                           std::to_string(process_) +
                                           " before it forked; open it in this process instead");
    }

    /// The present time in nanoseconds, but later than every time given before, so that no two
    /// files of the store ever have the same.
    std::int64_t next_time() noexcept {
        const std::int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count();
        std::int64_t last = last_time_.load();
        while (!last_time_.compare_exchange_weak(last, std::max(now, last + 1))) {
        }
        return std::max(now, last + 1);
    }

 private:
    static bool is_in_memory(int fd) noexcept {
        struct statfs info {};
        return fstatfs(fd, &info) == 0 &&
               (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
    }

    const RootDirectory root_;
    const std::shared_ptr<FileSystem> files_;
    const pid_t process_;
    const bool in_memory_;
    std::atomic<std::int64_t> last_time_{0};
};

}  // namespace pkgreg
