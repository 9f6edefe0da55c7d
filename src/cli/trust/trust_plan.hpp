// Where container engines look for the authority of a registry, and what they want to find there.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::cli {

/// A registry as clients name it.
struct RegistryHost {
    std::string host;  ///< an IPv6 address stands in brackets
    std::string port;
    bool default_port = false;  ///< none was given, or 443

    /// Reads `HOST[:PORT]`. Throws `ProgramError`.
    static RegistryHost parse(std::string_view text);
    std::string address() const { return host + ":" + port; }
};

struct Engines {
    bool docker = false;
    bool containerd = false;
    bool podman = false;
};

/// A file that is to be there.
struct TrustFile {
    std::filesystem::path path;  ///< as the engine sees it, without a root in front
    std::string content;
};

/// The first line of `hosts.toml` files that may be replaced.
inline constexpr std::string_view own_hosts_file = "# Written by 'pkgreg trust'.\n";

/// What has to be where so that these engines trust the registry. For the port of https itself that
/// is there twice: a reference may name the port or leave it out.
std::vector<TrustFile> trust_files(const RegistryHost& registry, Engines engines,
                                   const std::string& authority_pem);

/// The same as a script for a shell, to be run on each machine as root.
std::string trust_script(const RegistryHost& registry, const std::vector<TrustFile>& files);

/// What else whoever runs these engines should know.
std::vector<std::string> trust_hints(Engines engines, const std::filesystem::path& root);

}  // namespace pkgreg::cli
