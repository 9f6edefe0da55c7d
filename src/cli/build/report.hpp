// How the building commands tell what came of them.
#pragma once

#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/dcos/metadata.hpp"

#include <filesystem>
#include <iosfwd>
#include <string_view>
#include <vector>

namespace pkgreg::cli {

/// Writes `Created <what> <path>`, or with `json` an object with `name`, `version` and `path`.
void report_created(std::string_view what, const PackageCoordinate& package,
                    const std::filesystem::path& path, bool json, std::ostream& out);

/// Throws `ProgramError` with all problems, a line each. Those without a file are about `file`;
/// the files of the others lie in `folder`.
[[noreturn]] void fail_with(const std::vector<Problem>& problems, const std::filesystem::path& file,
                            const std::filesystem::path& folder);

}  // namespace pkgreg::cli
