// The exit codes of the program, and the exception that carries one to main.
#pragma once

#include "pkgreg/error.hpp"

#include <stdexcept>
#include <string>

namespace pkgreg::cli {

/// What the program's end tells a script. `pkgreg --help` lists the same.
enum class ExitCode : int {
    ok = 0,       ///< Done; for `serve`: stopped on request.
    failed = 1,   ///< The operation failed, such as the listing of an unknown repository.
    usage = 2,    ///< The command line, the environment or the options file is wrong.
    storage = 3,  ///< The storage cannot be used: locked, unreadable, newer, or of another kind.
    address = 4,  ///< An address or port cannot be listened on.
    server = 5,   ///< The server that the command asked is not there, or speaks another protocol.
};

/// Ends the program with a message on standard error.
class ProgramError : public std::runtime_error {
 public:
    ProgramError(ExitCode code, const std::string& message)
        : std::runtime_error(message), code_(code) {}

    ExitCode code() const noexcept { return code_; }

 private:
    ExitCode code_;
};

/// Ends the program because of what went wrong with its storage: with `ExitCode::usage` where the
/// options are to blame.
[[noreturn]] inline void end_for_storage(const Error& error) {
    const bool options = error.code() == ErrorCode::invalid_options;
    throw ProgramError(options ? ExitCode::usage : ExitCode::storage, error.message());
}

}  // namespace pkgreg::cli
