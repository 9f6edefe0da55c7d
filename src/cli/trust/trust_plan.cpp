#include "cli/trust/trust_plan.hpp"

#include "cli/exit_code.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

namespace pkgreg::cli {
namespace {

[[noreturn]] void refuse(std::string_view text) {
    throw ProgramError(ExitCode::usage, "'" + std::string(text) +
                                            "' is no registry; give HOST or HOST:PORT, as images "
                                            "name it, without https:// and without a path");
}

bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}
bool is_address_char(char c) {
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
           c == '.';
}

std::string hosts_toml(const std::string& address, const std::string& folder) {
    std::string text(own_hosts_file);
    text += "server = \"https://" + address + "\"\n\n";
    text += "[host.\"https://" + address + "\"]\n";
    text += "  capabilities = [\"pull\", \"resolve\", \"push\"]\n";
    text += "  ca = \"" + folder + "/ca.crt\"\n";
    return text;
}

}  // namespace

RegistryHost RegistryHost::parse(std::string_view text) {
    RegistryHost registry;
    const bool bracketed = text.starts_with('[');
    const std::size_t end = bracketed ? text.find(']') : text.find(':');
    if (bracketed && end == std::string_view::npos) refuse(text);
    const std::size_t behind = bracketed ? end + 1 : std::min(end, text.size());
    const std::string_view name = text.substr(0, behind);
    std::string_view port = text.substr(behind);
    if (bracketed) {
        const std::string_view inner = name.substr(1, name.size() - 2);
        if (inner.empty() || !std::ranges::all_of(inner, is_address_char)) refuse(text);
    } else if (name.empty() || name.front() == '.' || name.front() == '-' ||
               !std::ranges::all_of(name, is_host_char)) {
        refuse(text);
    }
    if (!port.empty()) {
        port.remove_prefix(1);
        unsigned number = 0;
        const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
        const bool whole = read.ec == std::errc() && read.ptr == port.data() + port.size();
        if (text[behind] != ':' || port.empty() || port.front() == '0' || !whole ||
            number > 65535) {
            refuse(text);
        }
    }
    registry.host = name;
    registry.port = port.empty() ? "443" : std::string(port);
    registry.default_port = registry.port == "443";
    return registry;
}

std::vector<TrustFile> trust_files(const RegistryHost& registry, Engines engines,
                                   const std::string& authority_pem) {
    std::vector<std::string> names = {registry.address()};
    if (registry.default_port) names.push_back(registry.host);
    std::vector<TrustFile> files;
    for (const std::string& name : names) {
        if (engines.docker)
            files.push_back({"/etc/docker/certs.d/" + name + "/ca.crt", authority_pem});
        if (engines.containerd) {
            const std::string folder = "/etc/containerd/certs.d/" + name;
            files.push_back({folder + "/ca.crt", authority_pem});
            files.push_back({folder + "/hosts.toml", hosts_toml(name, folder)});
        }
        if (engines.podman) {
            files.push_back({"/etc/containers/certs.d/" + name + "/ca.crt", authority_pem});
        }
    }
    return files;
}

std::string trust_script(const RegistryHost& registry, const std::vector<TrustFile>& files) {
    std::string text = "#!/bin/sh\n# Makes this machine's container engines trust the registry " +
                       registry.address() +
                       ".\n# Run it as root. No engine has to be restarted.\nset -eu\numask 022\n\n"
                       // Whole or not at all, and what was there before is kept.
                       "put() {\n"
                       "    mkdir -p \"$(dirname \"$1\")\"\n"
                       "    cat >\"$1.new\"\n"
                       "    if [ -e \"$1\" ] && ! cmp -s \"$1.new\" \"$1\"; then cp -p \"$1\" "
                       "\"$1.old\"; fi\n"
                       "    mv \"$1.new\" \"$1\"\n"
                       "    echo \"wrote $1\"\n"
                       "}\n";
    for (const TrustFile& file : files) {
        // Neither a certificate nor a hosts.toml has such a line, and no name has a quote.
        text +=
            "\nput '" + file.path.string() + "' <<'END_OF_FILE'\n" + file.content + "END_OF_FILE\n";
    }
    return text;
}

std::vector<std::string> trust_hints(Engines engines, const std::filesystem::path& root) {
    std::vector<std::string> hints;
    if (engines.containerd) {
        const std::filesystem::path file = root / "etc/containerd/config.toml";
        std::ifstream stream(file, std::ios::binary);
        const std::string text(std::istreambuf_iterator<char>(stream), {});
        if (text.find("config_path") == std::string::npos) {
            hints.push_back(
                "containerd looks there only where its " + file.string() +
                " says so: under [plugins.\"io.containerd.grpc.v1.cri\".registry], config_path = "
                "\"/etc/containerd/certs.d\"; 'ctr' takes --hosts-dir /etc/containerd/certs.d");
        }
    }
    return hints;
}

}  // namespace pkgreg::cli
