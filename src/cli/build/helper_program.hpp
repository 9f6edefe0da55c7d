// Running another program for its output.
#pragma once

#include "cli/build/interruption.hpp"

#include <string>

namespace pkgreg::cli {

struct HelperResult {
    /// The exit code, or 128 and the number of the signal that ended it.
    int status = 0;
    std::string output = {};
};

/// Runs `program argument` from PATH with `input` on its standard input; its standard error is that
/// of this process. Throws `unavailable` where there is no such program or it says more than 1 MiB,
/// and `Interrupted`, having killed it.
HelperResult run_helper(const std::string& program, const std::string& argument,
                        const std::string& input, const Interruption& interruption);

}  // namespace pkgreg::cli
