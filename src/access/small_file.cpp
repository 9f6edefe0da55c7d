#include "access/small_file.hpp"

#include "pkgreg/error.hpp"

#include "base/unique_fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace pkgreg::access {

std::string read_small_file(const std::filesystem::path& file, std::size_t limit) {
    const auto refuse = [&](const std::string& problem) {
        throw Error(ErrorCode::invalid_options, file.string() + ": " + problem);
    };
    const auto failed = [&] {
        refuse("cannot be read: " + std::generic_category().message(errno));
    };
    // Not blocking: the name could be that of a pipe.
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd.get() < 0) failed();
    std::string content;
    std::size_t size = 0;
    while (size <= limit) {
        content.resize(size + 16384);
        const ::ssize_t n = ::read(fd.get(), content.data() + size, content.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) failed();
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    if (size > limit) refuse("has more than " + std::to_string(limit) + " bytes");
    content.resize(size);
    return content;
}

}  // namespace pkgreg::access
