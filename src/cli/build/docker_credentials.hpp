// Credentials for registries, as `docker login` and its helpers keep them.
#pragma once

#include "cli/build/interruption.hpp"
#include "remote/credentials.hpp"

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg::cli {

/// Reads what a Docker configuration file has for a registry: `credHelpers`, then `credsStore`,
/// then `auths`. Any thread may call it; a helper is run once at a time.
class DockerCredentials {
 public:
    /// The file need not exist, and is read when it is first asked.
    DockerCredentials(std::filesystem::path file, const Interruption& interruption)
        : file_(std::move(file)), interruption_(&interruption) {}

    /// `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`.
    static std::filesystem::path default_file();

    /// The credentials for a registry, such as `docker.io` or `registry.example.com:5000`; nothing
    /// where there are none. Throws `invalid_argument` for a broken file and `unavailable` for a
    /// helper that fails; no message has the content of the file.
    std::optional<Credentials> find(std::string_view registry);

 private:
    std::filesystem::path file_;
    const Interruption* interruption_;
    std::mutex mutex_;
    std::optional<std::string> text_;
};

/// What the text of a configuration file says for a registry.
struct CredentialSource {
    /// The helper to ask, the part of its name behind `docker-credential-`, or empty.
    std::string helper = {};
    /// What to ask it for.
    std::string server = {};
    /// What `auths` has.
    std::optional<Credentials> credentials = {};
};

/// Throws `invalid_argument` with a message that has nothing of the text.
CredentialSource find_credentials(std::string_view config, std::string_view registry);

/// Reads a helper's answer to `get`. Throws `invalid_argument` likewise.
Credentials read_helper_answer(std::string_view json);

}  // namespace pkgreg::cli
