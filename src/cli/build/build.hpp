// `pkgreg build`: a bundle from a build definition.
#pragma once

#include "cli/build/remote_assets.hpp"
#include "remote/image_platform.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace pkgreg::cli {

struct BuildOptions {
    std::filesystem::path definition = {};
    std::filesystem::path output_folder = {};
    /// What is reported in the end is a JSON object; what happens on the way goes to standard
    /// error.
    bool json = false;
    RemoteAssets remote_assets = {};
    /// Nothing: all platforms.
    std::optional<Platform> platform = Platform();
    /// Archives of `docker save`, by the names of the images that are taken from them.
    std::map<std::string, std::filesystem::path> image_archives = {};
    std::set<std::string> insecure_registries = {};
    std::string ca_file = {};
    std::chrono::seconds stall_timeout{60};
    unsigned retries = 4;
    std::size_t jobs = 4;
};

/// Fetches what the definition refers to and writes `<name>-<version>.dcos`. Throws `ProgramError`
/// with all problems, a line each; nothing is left then.
void build(const BuildOptions& options, std::ostream& out);

}  // namespace pkgreg::cli
