// What options name, as places on this machine: directories, and files of secrets.
#pragma once

#include "pkgreg/s3_store.hpp"

#include <filesystem>
#include <string>

namespace pkgreg {

/// The directory that a location names (`DIR`, `file:///DIR`). Throws `invalid_options` for a
/// location of another kind.
std::filesystem::path directory_of(const std::string& location);

/// The file that a secret of the scheduler's is: its path below `directory`, or else below the
/// task's sandbox; either may be empty. Throws `invalid_options` with the places that were looked
/// at when there is none.
std::filesystem::path find_secret(const std::string& secret, const std::string& directory,
                                  const std::string& sandbox);

/// Where the keys come from, for messages.
std::string describe_credentials(const S3CredentialSource& source);

}  // namespace pkgreg
