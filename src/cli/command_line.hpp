// The command line: what can be said, and what is made of it.
#pragma once

namespace pkgreg::cli {

/// Reads the command line and the environment, runs the command and returns the exit code. Messages
/// go to standard error.
int run(int argc, char** argv);

}  // namespace pkgreg::cli
