// The commands about the packages that a registry's server holds, as the command line knows them.
#pragma once

#include "cli/packages/package_requests.hpp"

#include <string>

namespace CLI {
class App;
}

namespace pkgreg::cli {

/// `add`, `describe`, `list`, `remove` and `universe import`.
class PackageCommands {
 public:
    explicit PackageCommands(CLI::App& parent);
    PackageCommands(const PackageCommands&) = delete;
    PackageCommands& operator=(const PackageCommands&) = delete;

    /// Runs the command that was given, if it is one of these. Throws `ProgramError`.
    void run();

 private:
    void define_add();
    void define_selection(CLI::App& command);
    void define_universe(CLI::App& parent);
    void define_common(CLI::App& command);

    CLI::App& add_;
    CLI::App& describe_;
    CLI::App& list_;
    CLI::App& remove_;
    CLI::App* universe_import_ = nullptr;

    PackageRequestOptions options_;
    std::string file_;
    std::string source_;
    std::string package_;
    std::string version_;
    bool replace_ = false;
};

}  // namespace pkgreg::cli
