// --storage, --options and --secrets-dir: how a command is told of a storage.
#pragma once

#include "pkgreg/options.hpp"

#include <string>

namespace CLI {
class App;
}

namespace pkgreg::cli {

/// The file's options. Throws `ProgramError` with `ExitCode::usage`: that it cannot be read is as
/// wrong as what it may hold.
Options load_options(const std::string& file);

class StorageArguments {
 public:
    /// Adds the options to a command. `text` is what the help says of `--storage`.
    ///
    /// @param from_environment PKGREG_STORAGE and PKGREG_OPTIONS stand for what is not given
    StorageArguments(CLI::App& command, const std::string& text, bool from_environment);
    StorageArguments(const StorageArguments&) = delete;
    StorageArguments& operator=(const StorageArguments&) = delete;

    /// Whether a storage or a file of options was given.
    bool given() const { return !storage_.empty() || !file_.empty(); }

    /// The file's options, with the storage that was given in place of the file's own. They still
    /// have to be checked: the command may have more to say.
    Options load() const;

 private:
    std::string storage_;
    std::string file_;
    std::string secrets_dir_;
};

}  // namespace pkgreg::cli
