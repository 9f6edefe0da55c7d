#include "store/directory_files.hpp"

#include "pkgreg/object_key.hpp"

#include "store/system_error.hpp"

#include <atomic>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace pkgreg {
namespace {

// Whether the kernel can open and read without blocking; what it refused once is not asked again.
std::atomic<bool> can_open_cached{true};
std::atomic<bool> can_read_cached{true};

constexpr int read_flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

std::string full_path(const RootDirectory& root, const std::string& path) {
    return path.empty() ? root.path : root.path + "/" + path;
}

/// Opens only if all that is needed is in memory; else fails with EAGAIN.
int open_cached(const RootDirectory& root, const std::string& path) {
    errno = EAGAIN;
    if (!can_open_cached.load(std::memory_order_relaxed)) return -1;
    open_how how{};
    how.flags = read_flags;
    how.resolve = RESOLVE_CACHED;
    const long fd = syscall(SYS_openat2, root.fd, path.c_str(), &how, sizeof how);
    // No such call, no such flag, or a sandbox that allows only the calls it knows.
    if (fd < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM)) {
        can_open_cached = false;
        errno = EAGAIN;
    }
    return static_cast<int>(fd);
}

bool means_absent(int error) noexcept {
    // ELOOP: a symbolic link, ENXIO: a socket; neither is an object.
    return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ENXIO;
}

ObjectInfo info_of(const struct stat& status) {
    constexpr std::int64_t second = 1'000'000'000;
    ObjectInfo info;
    info.size = static_cast<std::uint64_t>(status.st_size);
    info.modified = status.st_mtim.tv_sec * second + status.st_mtim.tv_nsec;
    // The store gives no two files the same time, so this changes with the content even where the
    // file system uses an inode again.
    char etag[64];
    const int n = snprintf(
        etag, sizeof etag, "%llx-%llx-%llx", static_cast<unsigned long long>(status.st_ino),
        static_cast<unsigned long long>(info.size), static_cast<unsigned long long>(info.modified));
    info.etag.assign(etag, static_cast<std::size_t>(n));
    return info;
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { closedir(directory); }
};

/// 'd', 'f', or something else, also where the file system does not tell with the name.
char kind_of(int directory, const dirent& entry) {
    if (entry.d_type == DT_DIR) return 'd';
    if (entry.d_type == DT_REG) return 'f';
    if (entry.d_type != DT_UNKNOWN) return '?';
    struct stat status;
    if (fstatat(directory, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) < 0) return '?';
    return S_ISDIR(status.st_mode) ? 'd' : S_ISREG(status.st_mode) ? 'f' : '?';
}

}  // namespace

OpenedFile open_file(const RootDirectory& root, const std::string& path, Blocking blocking) {
    OpenedFile file;
    const int fd = blocking == Blocking::never ? open_cached(root, path)
                                               : openat(root.fd, path.c_str(), read_flags);
    if (fd < 0) {
        if (blocking == Blocking::never && errno == EAGAIN) {
            file.would_block = true;
        } else if (!means_absent(errno)) {
            throw_system_error(errno, "open", full_path(root, path));
        }
        return file;
    }
    file.fd = UniqueFd(fd);
    struct stat status;
    if (fstat(fd, &status) < 0) throw_system_error(errno, "look at", full_path(root, path));
    if (S_ISREG(status.st_mode)) {
        file.info = info_of(status);
    } else {
        file.fd.reset();
    }
    return file;
}

std::optional<ObjectInfo> stat_file(const RootDirectory& root, const std::string& path) {
    struct stat status;
    if (fstatat(root.fd, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) {
        if (means_absent(errno)) return std::nullopt;
        throw_system_error(errno, "look at", full_path(root, path));
    }
    if (!S_ISREG(status.st_mode)) return std::nullopt;
    return info_of(status);
}

ObjectInfo stat_file(int fd) {
    struct stat status;
    if (fstat(fd, &status) < 0) throw_system_error(errno, "look at", "an open file");
    return info_of(status);
}

std::optional<std::size_t> read_cached(int fd, std::span<std::byte> into, std::uint64_t offset) {
    if (!can_read_cached.load(std::memory_order_relaxed)) return std::nullopt;
    const iovec part{into.data(), into.size()};
    const ssize_t n = preadv2(fd, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    // Some file systems refuse the flag; others must not suffer from it, so only a kernel without
    // the call is remembered.
    if (errno == ENOSYS) can_read_cached = false;
    if (errno == EAGAIN || errno == EINTR || errno == EOPNOTSUPP || errno == ENOSYS ||
        errno == EINVAL) {
        return std::nullopt;
    }
    throw_system_error(errno, "read", "an object");
}

std::size_t read_some(int fd, std::span<std::byte> into, std::uint64_t offset) {
    while (true) {
        const ssize_t n = pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) throw_system_error(errno, "read", "an object");
    }
}

std::vector<std::string> read_names(const RootDirectory& root, const std::string& directory) {
    std::vector<std::string> names;
    const int fd = openat(root.fd, directory.empty() ? "." : directory.c_str(),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        if (means_absent(errno)) return names;
        throw_system_error(errno, "open the directory", full_path(root, directory));
    }
    const std::unique_ptr<DIR, CloseDirectory> open(fdopendir(fd));
    if (!open) {
        const int error = errno;
        close(fd);
        throw_system_error(error, "read the directory", full_path(root, directory));
    }
    while (true) {
        errno = 0;
        const dirent* const entry = readdir(open.get());
        if (entry == nullptr) break;
        std::string name(entry->d_name);
        if (!ObjectKey::is_valid(name)) continue;
        // What a file system puts into its own top directory is not ours.
        if (directory.empty() && name == "lost+found") continue;
        const char kind = kind_of(fd, *entry);
        if (kind == 'd') name.push_back('/');
        if (kind == 'd' || kind == 'f') names.push_back(std::move(name));
    }
    if (errno != 0) throw_system_error(errno, "read the directory", full_path(root, directory));
    return names;
}

std::string parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return std::string(path.substr(0, slash == std::string_view::npos ? 0 : slash));
}

std::string_view name_of(std::string_view path) noexcept {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace pkgreg
