// From the options of a bucket to what its store needs: above all the file that its secret is.
#pragma once

#include "pkgreg/options.hpp"
#include "pkgreg/s3_store.hpp"

#include <filesystem>
#include <string>

namespace pkgreg::cli {

/// The file that a secret of the scheduler's is: its path below `directory`, or else below the
/// task's sandbox; either may be empty. Throws `invalid_options` with the places that were looked
/// at when there is none.
std::filesystem::path find_secret(const std::string& secret, const std::string& directory,
                                  const std::string& sandbox);

/// The options of a store in the bucket. Where no secret and no file is named, the keys are left to
/// the environment. Throws `invalid_options` for a secret, a file or a profile that is not there.
S3StoreOptions s3_store_options(const S3Storage& storage, const std::string& secrets_dir);

/// Where the keys come from, for messages.
std::string describe_credentials(const S3CredentialSource& source);

}  // namespace pkgreg::cli
