// `pkgreg migrate`: a build definition from a Universe package folder.
#pragma once

#include <filesystem>
#include <iosfwd>

namespace pkgreg::cli {

struct MigrateOptions {
    std::filesystem::path package_folder = {};
    std::filesystem::path output_folder = {};
    bool json = false;
};

/// Writes `<name>-<version>.json`. Throws `ProgramError` with all problems, a line each; nothing is
/// left then.
void migrate(const MigrateOptions& options, std::ostream& out);

}  // namespace pkgreg::cli
