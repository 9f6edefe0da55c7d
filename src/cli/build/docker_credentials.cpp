#include "cli/build/docker_credentials.hpp"

#include "pkgreg/error.hpp"

#include "cli/build/helper_program.hpp"
#include "remote/image_reference.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace pkgreg::cli {
namespace {

namespace dom = simdjson::dom;

/// The key under which Docker keeps the credentials of Docker Hub, from the days of its first
/// protocol.
constexpr std::string_view hub_server = "https://index.docker.io/v1/";

[[noreturn]] void refuse(const std::string& why) {
    throw Error(ErrorCode::invalid_argument, why);
}

std::string text_of(dom::object object, std::string_view key) {
    std::string_view text;
    return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// `https://registry.example.com/v1/` and `registry.example.com` are the same registry.
std::string_view host_of(std::string_view server) {
    if (const std::size_t scheme = server.find("://"); scheme != std::string_view::npos) {
        server.remove_prefix(scheme + 3);
    }
    server = server.substr(0, server.find('/'));
    const bool hub = server == "index.docker.io" || server == "registry-1.docker.io";
    return hub ? docker_hub : server;
}

std::optional<std::string> decoded(std::string base64) {
    std::erase_if(base64, [](char c) { return c == '\n' || c == '\r'; });
    while (base64.size() % 4 != 0) base64.push_back('=');
    const std::size_t padding = base64.ends_with("==") ? 2 : base64.ends_with('=') ? 1 : 0;
    std::string bytes(base64.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(base64.data()),
                                     static_cast<int>(base64.size()));
    if (size < 0 || static_cast<std::size_t>(size) < padding) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

/// An entry of `auths`; nothing where it is empty, as it is beside a credential store.
std::optional<Credentials> read_entry(dom::object entry) {
    Credentials credentials{text_of(entry, "username"), text_of(entry, "password"),
                            text_of(entry, "identitytoken")};
    if (const std::string auth = text_of(entry, "auth"); !auth.empty()) {
        const auto pair = decoded(auth);
        const std::size_t colon = pair ? pair->find(':') : std::string::npos;
        if (colon == std::string::npos)
            refuse("an 'auth' in it is not a user and a password in base64");
        credentials.user = pair->substr(0, colon);
        credentials.password = pair->substr(colon + 1);
        credentials.password.erase(credentials.password.find_last_not_of('\0') + 1);
    }
    if (credentials == Credentials()) return std::nullopt;
    return credentials;
}

/// The member that names the registry exactly, else one that names its host otherwise.
std::optional<dom::element> find_registry(dom::object map, std::string_view registry) {
    std::optional<dom::element> found;
    for (const dom::key_value_pair member : map) {
        if (member.key == registry) return member.value;
        if (!found && host_of(member.key) == registry) found = member.value;
    }
    return found;
}

std::string helper_for(dom::object config, std::string_view registry) {
    dom::object helpers;
    std::string_view name;
    if (config["credHelpers"].get(helpers) == simdjson::SUCCESS) {
        const auto helper = find_registry(helpers, registry);
        if (helper && helper->get(name) == simdjson::SUCCESS) return std::string(name);
    }
    return text_of(config, "credsStore");
}

std::string read_text(const std::filesystem::path& file) {
    std::error_code error;
    if (!std::filesystem::exists(file, error)) return {};
    std::ifstream stream(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    if (!stream) refuse("it cannot be read");
    return text;
}

/// Runs `docker-credential-NAME get`.
std::optional<Credentials> ask_helper(const std::string& name, const std::string& server,
                                      const Interruption& interruption) {
    const std::string program = "docker-credential-" + name;
    const HelperResult result = run_helper(program, "get", server, interruption);
    if (result.status == 0) {
        try {
            return read_helper_answer(result.output);
        } catch (const Error& error) {
            throw Error(ErrorCode::unavailable, program + ": " + error.message());
        }
    }
    // Helpers have no code for it; this sentence is their protocol.
    if (result.output.find("credentials not found") != std::string::npos) return std::nullopt;
    throw Error(ErrorCode::unavailable,
                program + " cannot be asked for the credentials of " + server + ": it ended with " +
                    std::to_string(result.status) +
                    "; run it by hand, or take it out of Docker's configuration");
}

}  // namespace

CredentialSource find_credentials(std::string_view config, std::string_view registry) {
    dom::parser parser;
    dom::object root;
    if (parser.parse(config.data(), config.size()).get(root) != simdjson::SUCCESS) {
        refuse("it is not a JSON object");
    }
    CredentialSource source{helper_for(root, registry)};
    source.server = registry == docker_hub ? hub_server : registry;
    dom::object auths;
    if (root["auths"].get(auths) != simdjson::SUCCESS) return source;
    const auto entry = find_registry(auths, registry);
    dom::object fields;
    if (entry && entry->get(fields) == simdjson::SUCCESS) source.credentials = read_entry(fields);
    return source;
}

Credentials read_helper_answer(std::string_view json) {
    dom::parser parser;
    dom::object answer;
    if (parser.parse(json.data(), json.size()).get(answer) != simdjson::SUCCESS) {
        refuse("its answer is not a JSON object");
    }
    std::string user = text_of(answer, "Username");
    std::string secret = text_of(answer, "Secret");
    if (user == "<token>") return {{}, {}, std::move(secret)};
    return {std::move(user), std::move(secret)};
}

std::filesystem::path DockerCredentials::default_file() {
    if (const char* folder = std::getenv("DOCKER_CONFIG"); folder && *folder) {
        return std::filesystem::path(folder) / "config.json";
    }
    const char* home = std::getenv("HOME");
    return home && *home ? std::filesystem::path(home) / ".docker" / "config.json"
                         : std::filesystem::path();
}

std::optional<Credentials> DockerCredentials::find(std::string_view registry) {
    const std::lock_guard lock(mutex_);
    CredentialSource source;
    try {
        if (!text_) text_ = read_text(file_);
        if (text_->empty()) return std::nullopt;
        source = find_credentials(*text_, registry);
    } catch (const Error& error) {
        throw Error(error.code(),
                    "no credentials can be read from " + file_.string() + ": " + error.message());
    }
    if (!source.helper.empty()) {
        if (auto found = ask_helper(source.helper, source.server, *interruption_)) return found;
    }
    return source.credentials;
}

}  // namespace pkgreg::cli
