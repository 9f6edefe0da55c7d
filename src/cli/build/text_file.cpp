#include "cli/build/text_file.hpp"

#include "pkgreg/error.hpp"

#include "cli/exit_code.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <system_error>

namespace pkgreg::cli {
namespace {

constexpr std::size_t max_size = std::size_t{64} << 20;

}  // namespace

std::string read_text_file(const std::filesystem::path& file) {
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) {
        throw Error(ErrorCode::io, "is a folder, not a file");
    }
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    std::string text;
    std::string buffer(64 * 1024, '\0');
    while (stream && text.size() <= max_size) {
        stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        text.append(buffer.data(), static_cast<std::size_t>(stream.gcount()));
    }
    if (text.size() > max_size) throw Error(ErrorCode::too_large, "is larger than 64 MiB");
    if (!stream.eof()) {
        throw Error(ErrorCode::io, "cannot be read: " + std::generic_category().message(errno));
    }
    return text;
}

void require_folder(const std::filesystem::path& folder, const std::string& option) {
    std::error_code error;
    if (std::filesystem::is_directory(folder, error)) return;
    throw ProgramError(ExitCode::failed, "'" + folder.string() + "', given by " + option +
                                             ", is not a folder" +
                                             (error ? ": " + error.message() : std::string()));
}

}  // namespace pkgreg::cli
