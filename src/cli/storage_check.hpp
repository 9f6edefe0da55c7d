// `pkgreg storage check`: tries everything that a registry does with its storage.
#pragma once

#include "pkgreg/options.hpp"

#include <iosfwd>

namespace pkgreg::cli {

/// Writes a table of what works, what does not, and what to do. Nothing stays in the storage.
/// Throws `ProgramError` with `ExitCode::storage` when something that a registry needs does not
/// work, and with `ExitCode::usage` for options that cannot work.
void check_storage(const Options& options, std::ostream& out);

}  // namespace pkgreg::cli
