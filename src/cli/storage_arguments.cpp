#include "cli/storage_arguments.hpp"

#include "pkgreg/error.hpp"

#include "cli/exit_code.hpp"

#include <CLI/App.hpp>

namespace pkgreg::cli {

Options load_options(const std::string& file) {
    try {
        return read_options(file);
    } catch (const Error& error) {
        throw ProgramError(ExitCode::usage, error.message());
    }
}

StorageArguments::StorageArguments(CLI::App& command, const std::string& text,
                                   bool from_environment) {
    const auto add = [&](const std::string& name, std::string& value, const std::string& type,
                         const std::string& help) {
        return command.add_option(name, value, help)->type_name(type)->group("Storage");
    };
    CLI::Option* storage = add("--storage", storage_, "STORAGE", text);
    CLI::Option* file = add("--options", file_, "FILE", "JSON options, see 'pkgreg options check'");
    add("--secrets-dir", secrets_dir_, "DIR",
        "Where secrets are files of their path, before the task's sandbox")
        ->envname("PKGREG_SECRETS_DIR");
    if (!from_environment) return;
    storage->envname("PKGREG_STORAGE");
    file->envname("PKGREG_OPTIONS");
}

Options StorageArguments::load() const {
    Options options = file_.empty() ? Options() : load_options(file_);
    if (!storage_.empty()) {
        // It takes the place of whatever storage the file speaks of.
        options.s3.reset();
        options.mount_volume.reset();
        options.program.storage = storage_;
    }
    if (!secrets_dir_.empty()) options.program.secrets_dir = secrets_dir_;
    return options;
}

}  // namespace pkgreg::cli
