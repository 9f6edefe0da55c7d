#include "cli/server_access.hpp"

#include "cli/exit_code.hpp"

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace pkgreg::cli {
namespace {

/// The one line of a file that holds a secret.
std::string secret_in(const std::string& file, const char* what) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw ProgramError(ExitCode::usage, "cannot read " + file + ": " + std::strerror(errno));
    }
    std::string text(std::istreambuf_iterator<char>(stream), {});
    text.erase(text.find_last_not_of("\r\n") + 1);
    const bool one_line = text.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos;
    if (text.empty() || !one_line) {
        throw ProgramError(ExitCode::usage, file + " must have " + what + ", on one line");
    }
    return text;
}

std::string password_of(const ServerAccess& access) {
    if (!access.password_file.empty()) return secret_in(access.password_file, "a password");
    const char* const variable = std::getenv("PKGREG_PASSWORD");
    if (variable == nullptr || *variable == '\0') {
        throw ProgramError(ExitCode::usage,
                           "--user needs a password: name its file with --password-file, or set "
                           "PKGREG_PASSWORD");
    }
    return variable;
}

}  // namespace

void add_access_options(CLI::App& command, ServerAccess& access) {
    const char* group = "Access";
    const auto file = [&](const char* name, std::string& value, const char* variable,
                          const char* text) {
        command.add_option(name, value, text)->envname(variable)->type_name("FILE")->group(group);
    };
    file("--ca", access.ca, "PKGREG_CA", "PEM file of the authorities to trust, for https");
    command.add_option("--user", access.user, "Name, where the server asks for one")
        ->envname("PKGREG_USER")
        ->type_name("NAME")
        ->group(group);
    file("--password-file", access.password_file, "PKGREG_PASSWORD_FILE",
         "File of its password (else the variable PKGREG_PASSWORD)");
    file("--token-file", access.token_file, "PKGREG_TOKEN_FILE",
         "File of a DC/OS authentication token");
    file("--cert", access.certificate, "PKGREG_CERT", "PEM file of a certificate to show");
    file("--key", access.key, "PKGREG_KEY", "PEM file of its key");
}

HttpClientOptions client_options(const ServerAccess& access) {
    HttpClientOptions options;
    options.ca = access.ca;
    options.certificate = access.certificate;
    options.key = access.key;
    if (!access.user.empty() && !access.token_file.empty()) {
        throw ProgramError(ExitCode::usage, "give --user or --token-file, not both");
    }
    if (access.user.empty() && !access.password_file.empty()) {
        throw ProgramError(ExitCode::usage, "--password-file needs --user");
    }
    if (access.user.find(':') != std::string::npos) {
        throw ProgramError(ExitCode::usage, "--user: a name has no colon (RFC 7617, section 2)");
    }
    if (access.certificate.empty() != access.key.empty()) {
        throw ProgramError(ExitCode::usage, "--cert and --key belong together");
    }
    if (!access.user.empty()) {
        options.user = access.user;
        options.password = password_of(access);
    }
    if (!access.token_file.empty()) {
        options.authorization = "token=" + secret_in(access.token_file, "a token");
    }
    return options;
}

}  // namespace pkgreg::cli
