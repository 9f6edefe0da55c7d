// The commands that make packages and put the registry to work: migrate, build, activate.
#pragma once

namespace CLI {
class App;
}

namespace pkgreg::cli {

/// Adds the commands to `parent`. They run, and throw, while the command line is parsed.
void add_build_commands(CLI::App& parent);

}  // namespace pkgreg::cli
