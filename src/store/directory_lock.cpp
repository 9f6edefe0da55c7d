#include "store/directory_lock.hpp"

#include "store/system_error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <pthread.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace pkgreg {
namespace {

/// The directories that this process writes to, by device and inode, each with the process that
/// opened it: a fork inherits the table, but not the locks. Never destroyed: a store may be closed
/// by another static object.
struct Table {
    std::mutex mutex;
    std::map<std::pair<dev_t, ino_t>, pid_t> open;
};

Table& table();

/// A forked process must find the mutex free, whichever thread stayed behind with it.
Table* make_table() {
    const auto lock = [] { table().mutex.lock(); };
    const auto unlock = [] { table().mutex.unlock(); };
    pthread_atfork(lock, unlock, unlock);
    return new Table;
}

Table& table() {
    static Table* const instance = make_table();
    return *instance;
}

std::string this_process() {
    char host[256] = "unknown";
    gethostname(host, sizeof host - 1);
    return "process " + std::to_string(getpid()) + " on host " + host;
}

[[noreturn]] void throw_locked(const RootDirectory& root, const std::string& holder) {
    throw Error(ErrorCode::locked, "the directory " + root.path + " is in use by " + holder +
                                       "; stop it, or open the directory read-only");
}

/// Who holds the lock: as the holder wrote it, or as the system knows it.
std::string holder_of(int fd) {
    char text[300];
    const ssize_t n = pread(fd, text, sizeof text, 0);
    std::string holder(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    while (!holder.empty() && holder.back() == '\n') holder.pop_back();
    if (!holder.empty()) return holder;
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0) {
        return "process " + std::to_string(lock.l_pid);
    }
    return "another process";
}

}  // namespace

DirectoryLock::DirectoryLock(const RootDirectory& root) : process_(getpid()) {
    struct stat status;
    if (fstat(root.fd, &status) < 0) throw_system_error(errno, "look at", root.path);
    identity_ = {status.st_dev, status.st_ino};
    const std::lock_guard lock(table().mutex);
    const auto holder = table().open.find(identity_);
    if (holder != table().open.end() && holder->second == process_) {
        throw_locked(root, "this " + this_process());
    }
    lock_file(root);
    table().open[identity_] = process_;
}

void DirectoryLock::lock_file(const RootDirectory& root) {
    const std::string path = root.path + "/.lock";
    UniqueFd fd(openat(root.fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (!fd) throw_system_error(errno, "open", path);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    if (fcntl(fd.get(), F_SETLK, &lock) < 0) {
        if (errno == EACCES || errno == EAGAIN) throw_locked(root, holder_of(fd.get()));
        throw_system_error(errno, "lock", path);
    }
    // For whoever is refused, and for a person who looks. That it cannot be written is no reason
    // not to open: the lock holds without it.
    const std::string text = this_process() + "\n";
    if (ftruncate(fd.get(), 0) == 0) {
        [[maybe_unused]] const ssize_t n = pwrite(fd.get(), text.data(), text.size(), 0);
    }
    fd_ = std::move(fd);
}

DirectoryLock::~DirectoryLock() {
    if (getpid() != process_) {
        // Not even closed: that would drop a lock which this process may have taken itself since.
        fd_.release();
        return;
    }
    const std::lock_guard lock(table().mutex);
    // Closed under the table's mutex: nobody may open the file again before.
    fd_.reset();
    table().open.erase(identity_);
}

}  // namespace pkgreg
