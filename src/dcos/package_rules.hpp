// The rules of packaging 3.0, 4.0 and 5.0: what a package definition may say.
#pragma once

#include "pkgreg/dcos/metadata.hpp"

#include "dcos/verbatim_json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Appends the name of a member to a path: `resource` and `cli` make `resource.cli`.
void append_key(std::string& path, std::string_view key);

/// Adds every breach of the rules by `document`.
void check_package(const JsonText& document, MetadataForm form, std::vector<Problem>& problems);

}  // namespace pkgreg
