// What options name, as places on this machine.
#pragma once

#include "pkgreg/s3_store.hpp"

#include <filesystem>
#include <string>

namespace pkgreg {

/// The directory that a location names (`DIR`, `file:///DIR`). Throws `invalid_options` for a
/// location of another kind.
std::filesystem::path directory_of(const std::string& location);

/// Where the keys come from, for messages.
std::string describe_credentials(const S3CredentialSource& source);

}  // namespace pkgreg
