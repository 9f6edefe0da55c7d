#include "cli/build/output_file.hpp"

#include "pkgreg/error.hpp"

#include "base/random_id.hpp"
#include "store/system_error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pkgreg::cli {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const fs::path& path) {
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void write_all(int fd, std::string_view bytes, const std::string& name) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_system_error(errno, "write", name);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

UniqueFd create(const fs::path& path, const fs::path& folder) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!fd) throw_system_error(errno, "create a file in", folder.string());
    return fd;
}

void sync_folder(const fs::path& folder) {
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) throw_system_error(errno, "sync", folder.string());
}

}  // namespace

OutputFile::OutputFile(fs::path path)
    : path_(std::move(path)),
      unfinished_(folder_of(path_) / (std::string(unfinished_prefix) + random_id())),
      fd_(create(unfinished_, folder_of(path_))) {}

OutputFile::~OutputFile() {
    if (!committed_) ::unlink(unfinished_.c_str());
}

void OutputFile::write(std::string_view bytes) {
    write_all(fd_.get(), bytes, path_.string());
}

void OutputFile::commit() {
    if (::fsync(fd_.get()) != 0) throw_system_error(errno, "sync", path_.string());
    if (::rename(unfinished_.c_str(), path_.c_str()) != 0) {
        throw_system_error(errno, "put in place", path_.string());
    }
    committed_ = true;
    sync_folder(folder_of(path_));
}

std::size_t StoredContent::read(std::span<char> into, std::uint64_t offset) const {
    while (true) {
        const ssize_t n = ::pread(fd.get(), into.data(), into.size(), static_cast<off_t>(offset));
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno != EINTR) throw_system_error(errno, "read", name);
    }
}

StoredContent open_content(const fs::path& path, const std::function<void()>& check) {
    // Without O_NONBLOCK a pipe would be waited for, before it can be seen to be none of the files.
    StoredContent content{UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)),
                          Hasher::hash(DigestAlgorithm::sha256, ""), 0, path.string()};
    if (!content.fd) throw_system_error(errno, "read", content.name);
    struct stat status {};
    if (::fstat(content.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw Error(ErrorCode::io, "cannot read " + content.name + ": it is not a regular file");
    }
    Hasher hasher(DigestAlgorithm::sha256);
    std::string buffer(256 * 1024, '\0');
    while (const std::size_t n = content.read(buffer, hasher.size())) {
        check();
        hasher.update(std::string_view(buffer.data(), n));
    }
    content.digest = hasher.digest();
    content.size = hasher.size();
    return content;
}

SpoolFile::SpoolFile(const fs::path& folder, DigestAlgorithm algorithm)
    : folder_(folder.string()), hasher_(algorithm) {
    // The name is gone before anything is written: however the program ends, the system frees the
    // space.
    const fs::path path = folder / (std::string(unfinished_prefix) + random_id());
    fd_ = create(path, folder);
    ::unlink(path.c_str());
}

void SpoolFile::append(std::string_view bytes) {
    write_all(fd_.get(), bytes, "an unfinished file in " + folder_);
    hasher_.update(bytes);
}

void SpoolFile::restart() {
    if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) < 0) {
        throw_system_error(errno, "empty an unfinished file in", folder_);
    }
    hasher_ = Hasher(hasher_.algorithm());
}

StoredContent SpoolFile::finish() && {
    return StoredContent{std::move(fd_), hasher_.digest(), hasher_.size(),
                         "a fetched file in " + folder_};
}

}  // namespace pkgreg::cli
