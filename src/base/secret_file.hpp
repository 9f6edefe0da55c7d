// Secrets of the scheduler's that are files: below a directory of secrets, or in the task's
// sandbox.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// Where secrets are files of their path; either may be empty.
struct SecretPlaces {
    std::string directory = {};  ///< looked at first
    std::string sandbox = {};

    /// `directory`, and the sandbox that the scheduler names in MESOS_SANDBOX.
    static SecretPlaces of(const std::string& directory);
};

/// The file of a secret, or nothing where there is none.
///
/// @param secret its path in the secret store; may begin with a slash
std::optional<std::filesystem::path> look_for_secret(const std::string& secret,
                                                     const SecretPlaces& places);

/// The file of a secret. Throws `invalid_options` with the places that were looked at when there is
/// none.
///
/// @param key the option that names the secret, for the message
std::filesystem::path find_secret(std::string_view key, const std::string& secret,
                                  const SecretPlaces& places);

}  // namespace pkgreg
