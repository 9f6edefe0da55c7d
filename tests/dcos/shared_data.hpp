// Where the real packages are that some tests check themselves against; they are not part of the
// source tree.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

namespace pkgreg::test {

/// The folder `universe` below PKGREG_SHARED, or below `shared` beside the source tree. Where there
/// is none, says which checks did not run.
inline std::optional<std::filesystem::path> universe_folder(const std::string& checks) {
    const char* shared = std::getenv("PKGREG_SHARED");
    const std::filesystem::path folder =
        (shared ? std::filesystem::path(shared)
                : std::filesystem::path(PKGREG_SOURCE_DIR) / ".." / "shared") /
        "universe";
    if (std::filesystem::is_directory(folder / "packages")) return folder;
    std::cout << "[ NOT RUN  ] " << checks << ": the real packages are not in "
              << folder.lexically_normal().string()
              << " (set PKGREG_SHARED to the folder that has 'universe')\n";
    return std::nullopt;
}

}  // namespace pkgreg::test
