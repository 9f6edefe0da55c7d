#include "cluster/private_file.hpp"

#include "pkgreg/error.hpp"

#include "base/random_id.hpp"
#include "base/unique_fd.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace pkgreg::cluster {
namespace {

constexpr std::size_t max_size = std::size_t{1} << 20;

[[noreturn]] void fail(std::string_view what, const std::filesystem::path& path, int error) {
    throw Error(error == ENOSPC || error == EDQUOT ? ErrorCode::no_space : ErrorCode::io,
                std::string(what) + ' ' + path.string() + ": " + std::strerror(error));
}

void make_directory(const std::filesystem::path& directory) {
    std::error_code error;
    if (directory.empty() || std::filesystem::is_directory(directory, error)) return;
    make_directory(directory.parent_path());
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
        fail("cannot make the directory", directory, errno);
    }
}

void write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("cannot write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(fd) != 0) fail("cannot write", path, errno);
}

}  // namespace

std::string read_small_file(const std::filesystem::path& file) {
    const auto refuse = [&](const std::string& why) {
        throw Error(ErrorCode::invalid_options, "cannot read " + file.string() + ": " + why);
    };
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    if (!stream) refuse(std::strerror(errno));
    std::string text(max_size + 1, '\0');
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (stream.bad()) refuse(std::strerror(errno != 0 ? errno : EIO));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    if (text.size() > max_size) refuse("it has more than 1 MiB");
    return text;
}

void write_private_file(const std::filesystem::path& file, std::string_view bytes) {
    const std::filesystem::path directory = file.parent_path();
    make_directory(directory);
    const std::filesystem::path unfinished = file.string() + '.' + random_id();
    const UniqueFd fd(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) fail("cannot write", unfinished, errno);
    try {
        write_all(fd.get(), bytes, unfinished);
        if (::rename(unfinished.c_str(), file.c_str()) != 0) fail("cannot write", file, errno);
    } catch (...) {
        ::unlink(unfinished.c_str());
        throw;
    }
    const UniqueFd parent(
        ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) fail("cannot sync", directory, errno);
}

}  // namespace pkgreg::cluster
