// The short form of storage in a bucket: `s3://BUCKET/PATH?name=value&…`.
#pragma once

#include "pkgreg/options.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

inline constexpr std::string_view s3_scheme = "s3://";

/// Takes the URL apart. Its parameters are named like the keys of `registry.s3` (but bucket and
/// path, which it begins with) and those of `pkgreg.s3`, and lie over `settings`. Values may be
/// percent-encoded, and need to be only where they hold `&`, `#` or `%`.
///
/// What is wrong goes into `problems`, a sentence each, without any secret.
S3Storage read_s3_url(std::string_view url, const S3Settings& settings,
                      std::vector<std::string>& problems);

}  // namespace pkgreg
