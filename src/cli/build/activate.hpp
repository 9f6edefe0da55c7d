// `pkgreg activate`: the registry as a service of a cluster.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>

namespace pkgreg::cli {

struct ActivateOptions {
    /// The registry's options; empty: all have their defaults.
    std::filesystem::path options_file = {};
    /// Where a task gets the program; empty: it is on the agents' PATH.
    std::string program_url = {};
    /// Marathon's URL; empty: the app is printed.
    std::string marathon = {};
    /// A file with the token that the cluster knows the caller by; empty: none.
    std::filesystem::path token_file = {};
    std::string ca_file = {};
    bool json = false;
};

/// Prints the app, or has Marathon make it. Throws `ProgramError`.
void activate(const ActivateOptions& options, std::ostream& out);

}  // namespace pkgreg::cli
