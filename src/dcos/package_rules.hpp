// The rules of packaging 3.0, 4.0 and 5.0: what a package definition may say.
#pragma once

#include "pkgreg/dcos/metadata.hpp"

#include "dcos/verbatim_json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// What is wrong with a package of packaging 2.0. Such packages are not broken but old: whoever
/// reads a whole Universe knows them by this problem.
inline constexpr std::string_view packaging_2_problem =
    "packaging version 2.0 is not supported; bring the package to 3.0 or later: resources in the "
    "form of packaging 3.0, and 'minDcosReleaseVersion'";

/// Appends the name of a member to a path: `resource` and `cli` make `resource.cli`.
void append_key(std::string& path, std::string_view key);

/// Adds every breach of the rules by `document`.
void check_package(const JsonText& document, MetadataForm form, std::vector<Problem>& problems);

}  // namespace pkgreg
