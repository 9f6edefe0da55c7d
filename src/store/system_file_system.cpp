// The FileSystem that is the operating system.
#include "store/file_system.hpp"
#include "store/system_error.hpp"

#include <cerrno>
#include <ctime>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace pkgreg {
namespace {

// The umask decides what others may do with the files.
constexpr mode_t file_mode = 0666;
constexpr mode_t directory_mode = 0777;

std::string full_path(const RootDirectory& root, const std::string& path) {
    return path.empty() ? root.path : root.path + "/" + path;
}

/// The path behind a descriptor, for messages: what is written has no name at hand.
std::string path_of(int fd) {
    char path[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t n = readlink(link.c_str(), path, sizeof path);
    return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : "an open file";
}

class SystemFileSystem final : public FileSystem {
 public:
    int create(const RootDirectory& root, const std::string& path) override {
        const int fd = openat(root.fd, path.c_str(),
                              O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file_mode);
        if (fd < 0) throw_system_error(errno, "create", full_path(root, path));
        return fd;
    }

    int reopen(const RootDirectory& root, const std::string& path) override {
        const int fd = openat(root.fd, path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EISDIR) {
            throw_system_error(errno, "open", full_path(root, path));
        }
        return fd;
    }

    void write(int fd, std::span<const std::byte> bytes, std::uint64_t offset) override {
        while (!bytes.empty()) {
            const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
            if (n < 0) {
                if (errno == EINTR) continue;
                throw_system_error(errno, "write to", path_of(fd));
            }
            bytes = bytes.subspan(static_cast<std::size_t>(n));
            offset += static_cast<std::uint64_t>(n);
        }
    }

    void start_writeback(int fd, std::uint64_t offset, std::uint64_t length) noexcept override {
        sync_file_range(fd, static_cast<off_t>(offset), static_cast<off_t>(length),
                        SYNC_FILE_RANGE_WRITE);
    }

    void set_modified(int fd, std::int64_t time) override {
        constexpr std::int64_t second = 1'000'000'000;
        const timespec times[2] = {{0, UTIME_OMIT}, {time / second, time % second}};
        if (futimens(fd, times) < 0) throw_system_error(errno, "set the time of", path_of(fd));
    }

    void sync_file(int fd) override {
        if (fsync(fd) < 0) throw_system_error(errno, "sync", path_of(fd));
    }

    void close(int fd) noexcept override { ::close(fd); }

    bool sync_directory(const RootDirectory& root, const std::string& path) override {
        const int fd = openat(root.fd, path.empty() ? "." : path.c_str(),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
            if (errno == ENOENT) return false;
            throw_system_error(errno, "open the directory", full_path(root, path));
        }
        const int error = fsync(fd) < 0 ? errno : 0;
        ::close(fd);
        if (error != 0) throw_system_error(error, "sync the directory", full_path(root, path));
        return true;
    }

    bool rename(const RootDirectory& root, const std::string& from,
                const std::string& to) override {
        if (renameat(root.fd, from.c_str(), root.fd, to.c_str()) == 0) return true;
        if (errno == ENOENT) return false;
        throw_system_error(errno, "put a file in place at", full_path(root, to));
    }

    LinkResult link(const RootDirectory& root, const std::string& from,
                    const std::string& to) override {
        if (linkat(root.fd, from.c_str(), root.fd, to.c_str(), 0) == 0) return LinkResult::linked;
        if (errno == EEXIST) return LinkResult::exists;
        if (errno == ENOENT) return LinkResult::no_directory;
        throw_system_error(errno, "put a file in place at", full_path(root, to));
    }

    bool unlink(const RootDirectory& root, const std::string& path) override {
        if (unlinkat(root.fd, path.c_str(), 0) == 0) return true;
        // A directory is no object, and unlink says so in two ways.
        if (errno == ENOENT || errno == ENOTDIR || errno == EISDIR) return false;
        throw_system_error(errno, "remove", full_path(root, path));
    }

    MakeResult make_directory(const RootDirectory& root, const std::string& path) override {
        if (mkdirat(root.fd, path.c_str(), directory_mode) == 0) return MakeResult::made;
        if (errno == EEXIST) return MakeResult::exists;
        if (errno == ENOENT) return MakeResult::no_parent;
        throw_system_error(errno, "make the directory", full_path(root, path));
    }

    bool remove_directory(const RootDirectory& root, const std::string& path) override {
        if (unlinkat(root.fd, path.c_str(), AT_REMOVEDIR) == 0) return true;
        if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT || errno == EBUSY)
            return false;
        throw_system_error(errno, "remove the directory", full_path(root, path));
    }
};

}  // namespace

std::shared_ptr<FileSystem> system_file_system() {
    static const std::shared_ptr<FileSystem> system = std::make_shared<SystemFileSystem>();
    return system;
}

}  // namespace pkgreg
