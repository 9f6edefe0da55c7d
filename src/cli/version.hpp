// `pkgreg --version`.
#pragma once

#include <string>

namespace pkgreg::cli {

/// The program's version, then one line for each library in it with that library's version.
std::string version_text();

}  // namespace pkgreg::cli
