// How a command reaches a registry's server: whom it trusts, and who asks. One set of options for
// all commands that ask one.
#pragma once

#include "cli/http_client.hpp"

#include <string>

namespace CLI {
class App;
}

namespace pkgreg::cli {

/// No secret is ever given on the command line, where every process of the machine can read it.
struct ServerAccess {
    /// A PEM file of the authorities that are trusted, instead of the system's own.
    std::string ca = {};
    /// Name for Basic authentication; the password is in `password_file`, or in the variable
    /// PKGREG_PASSWORD.
    std::string user = {};
    std::string password_file = {};
    /// A file with a DC/OS authentication token.
    std::string token_file = {};
    /// PEM files of a certificate that tells who asks, and of its key.
    std::string certificate = {};
    std::string key = {};
};

/// Adds `--ca`, `--user`, `--password-file`, `--token-file`, `--cert` and `--key`.
void add_access_options(CLI::App& command, ServerAccess& access);

/// Reads the files. Throws `ProgramError` with `ExitCode::usage` for what is missing or cannot be
/// read; no message has a secret in it.
HttpClientOptions client_options(const ServerAccess& access);

}  // namespace pkgreg::cli
