#include "cli/trust/trust_command.hpp"

#include "cli/build/output_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/trust/authority.hpp"
#include "cli/trust/trust_plan.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <unistd.h>

namespace pkgreg::cli {
namespace {

struct TrustArguments {
    std::string host;
    std::string ca;
    std::string fingerprint;
    std::string root = "/";
    Engines engines;
    bool fetch = false;
    bool dry_run = false;
    bool script = false;
    bool force = false;
};

std::optional<std::string> content_of(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(stream), {});
}

/// Whoever runs the command must know that the certificate is the registry's: by a fingerprint from
/// elsewhere, or by comparing it now.
void confirm(const Authority& authority, const TrustArguments& arguments) {
    std::cerr << "the registry shows:\n";
    for (const std::string& line : authority.descriptions) std::cerr << "  " << line << '\n';
    if (!arguments.fingerprint.empty()) {
        if (same_fingerprint(arguments.fingerprint, authority.fingerprint)) return;
        throw ProgramError(ExitCode::failed,
                           "this is not the fingerprint that was given: somebody may stand between "
                           "you and the registry, or its authority has changed. Nothing was "
                           "changed");
    }
    if (::isatty(STDIN_FILENO) == 1) {
        std::cerr << "Compare the fingerprint with the one that whoever runs the registry tells "
                     "you.\nTrust it? [y/N] "
                  << std::flush;
        std::string answer;
        std::getline(std::cin, answer);
        if (answer == "y" || answer == "Y" || answer == "yes") return;
        throw ProgramError(ExitCode::failed, "not trusted; nothing was changed");
    }
    throw ProgramError(ExitCode::failed,
                       "nothing was changed: compare this fingerprint with the one that whoever "
                       "runs the registry tells you, then give it with --fingerprint");
}

void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error) return;
    const bool permission = error == std::errc::permission_denied;
    throw ProgramError(ExitCode::failed, "cannot make " + folder.string() + ": " + error.message() +
                                             (permission ? "; run it as root" : ""));
}

void install(const TrustFile& file, const TrustArguments& arguments) {
    const std::filesystem::path path =
        std::filesystem::path(arguments.root) / file.path.relative_path();
    const auto before = content_of(path);
    if (before == file.content) {
        std::cout << "unchanged " << path.string() << '\n';
        return;
    }
    const bool hosts = file.path.filename() == "hosts.toml";
    if (before && hosts && !before->starts_with(own_hosts_file) && !arguments.force) {
        throw ProgramError(ExitCode::failed,
                           path.string() +
                               " was written by somebody else and may say more; add the line 'ca = "
                               "\"" +
                               file.path.parent_path().string() +
                               "/ca.crt\"' to it, or replace it with --force");
    }
    if (arguments.dry_run) {
        std::cout << (before ? "would replace " : "would write ") << path.string() << '\n';
        return;
    }
    make_folder(path.parent_path());
    if (before) {
        OutputFile old(path.string() + ".old");
        old.write(*before);
        old.commit();
    }
    OutputFile out(path);
    out.write(file.content);
    out.commit();
    std::cout << (before ? "replaced " : "wrote ") << path.string()
              << (before ? " (the old one is beside it as .old)" : "") << '\n';
}

void trust(TrustArguments arguments) {
    const RegistryHost registry = RegistryHost::parse(arguments.host);
    if (arguments.ca.empty() == !arguments.fetch) {
        throw ProgramError(ExitCode::usage,
                           "give the authority's certificate with --ca FILE, or let the registry "
                           "show it with --fetch");
    }
    Engines& engines = arguments.engines;
    if (!engines.docker && !engines.containerd && !engines.podman) engines = {true, true, true};

    const bool bracketed = registry.host.starts_with('[');
    const std::string host =
        bracketed ? registry.host.substr(1, registry.host.size() - 2) : registry.host;
    const Authority authority =
        arguments.fetch ? fetch_authority(host, registry.port) : read_authority(arguments.ca);
    if (arguments.fetch) confirm(authority, arguments);
    for (const std::string& warning : authority.warnings) {
        std::cerr << "pkgreg: warning: " << warning << '\n';
    }
    const auto files = trust_files(registry, engines, authority.pem);
    if (arguments.script) {
        std::cout << trust_script(registry, files) << std::flush;
        return;
    }
    for (const TrustFile& file : files) install(file, arguments);
    for (const std::string& hint : trust_hints(engines, arguments.root)) {
        std::cout << "note: " << hint << '\n';
    }
    std::cout << std::flush;
}

}  // namespace

void add_trust_command(CLI::App& app) {
    CLI::App& command = *app.add_subcommand(
        "trust", "Let Docker, containerd and podman trust a registry's certificate");
    const auto arguments = std::make_shared<TrustArguments>();
    command.add_option("--host", arguments->host, "The registry, as images name it")
        ->type_name("HOST[:PORT]")
        ->required();
    command.add_option("--ca", arguments->ca, "Certificate of its authority (PEM)")
        ->type_name("FILE");
    command.add_flag("--fetch", arguments->fetch,
                     "Take it from the registry, after its fingerprint was compared");
    command
        .add_option("--fingerprint", arguments->fingerprint,
                    "SHA-256 that the fetched one must have")
        ->type_name("HEX");
    const char* engines = "Engines (all of them where none is given)";
    command.add_flag("--docker", arguments->engines.docker, "/etc/docker/certs.d")->group(engines);
    command.add_flag("--containerd", arguments->engines.containerd, "/etc/containerd/certs.d")
        ->group(engines);
    command
        .add_flag("--podman", arguments->engines.podman,
                  "/etc/containers/certs.d, also for skopeo and buildah")
        ->group(engines);
    command
        .add_option("--root", arguments->root, "Write below this directory, as for an image (/)")
        ->type_name("DIR");
    command.add_flag("--dry-run", arguments->dry_run, "Only tell what would be written");
    command.add_flag("--script", arguments->script,
                     "Print a shell script that does it, to run on every agent");
    command.add_flag("--force", arguments->force, "Replace a hosts.toml that somebody else wrote");
    command.footer(
        "The engines read these files with each pull and push: none has to be restarted, and none "
        "is.\nFor port 443 folders with and without the port are written, since images name both.");
    command.callback([arguments] { trust(*arguments); });
}

}  // namespace pkgreg::cli
