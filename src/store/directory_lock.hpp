// DirectoryLock: what makes a store the one writer of its directory.
#pragma once

#include "store/file_system.hpp"
#include "base/unique_fd.hpp"

#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>

namespace pkgreg {

/// An `fcntl` lock on the file `.lock`, beside a table of the process: such locks do not hold
/// between the threads of one process, and the system drops them when any descriptor of the file
/// is closed, so no process may open the file twice.
class DirectoryLock {
 public:
    /// Throws `locked` when a process, perhaps this one, has the directory open for writing.
    explicit DirectoryLock(const RootDirectory& root);
    /// In a forked process this leaves the parent's lock alone.
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
    void lock_file(const RootDirectory& root);

    std::pair<dev_t, ino_t> identity_;
    pid_t process_;
    UniqueFd fd_;
};

}  // namespace pkgreg
