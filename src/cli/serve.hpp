// `pkgreg serve`: a registry on sockets until a signal ends it.
#pragma once

#include "pkgreg/options.hpp"

namespace pkgreg::cli {

/// Serves what the options say, and returns when it was stopped. Standard output gets one line
/// `listening on URL` for each address, everything else goes to standard error. Throws
/// `ProgramError`.
void serve(const Options& options);

}  // namespace pkgreg::cli
