// `pkgreg storage orphans`: what lies in a storage though nothing needs it.
#pragma once

#include "pkgreg/options.hpp"

#include <iosfwd>

namespace pkgreg::cli {

/// Writes one line per orphan, `KIND SIZE TIME KEY`, and a total; with `remove` it removes them.
/// Throws `ProgramError`.
void list_orphans(const Options& options, bool remove, std::ostream& out);

}  // namespace pkgreg::cli
