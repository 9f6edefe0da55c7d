#include "remote/image_reference.hpp"

#include "pkgreg/error.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {
namespace {

constexpr bool is_letter_or_digit(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}

/// The first component is a host only where it could not be part of a name.
bool looks_like_host(std::string_view component) {
    return component == "localhost" || component.find_first_of(".:") != std::string_view::npos ||
           std::ranges::any_of(component, is_upper);
}

bool is_port(std::string_view port) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, is_digit)) return false;
    unsigned number = 0;
    for (const char c : port) number = number * 10 + static_cast<unsigned>(c - '0');
    return number >= 1 && number <= 65535;
}

bool is_host_name(std::string_view host) {
    if (host.starts_with('[')) {
        const auto is_address = [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                   c == ':' || c == '.';
        };
        return host.size() > 2 && host.ends_with(']') &&
               std::ranges::all_of(host.substr(1, host.size() - 2), is_address);
    }
    const auto allowed = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; };
    return !host.empty() && is_letter_or_digit(host.front()) && is_letter_or_digit(host.back()) &&
           std::ranges::all_of(host, allowed) && host.find("..") == std::string_view::npos;
}

/// Where the port's colon stands; the colons inside the brackets of an IPv6 address are none.
std::size_t port_colon(std::string_view registry) {
    const std::size_t colon = registry.rfind(':');
    const std::size_t bracket = registry.rfind(']');
    const bool inside =
        colon != std::string_view::npos && bracket != std::string_view::npos && colon < bracket;
    return inside ? std::string_view::npos : colon;
}

bool is_registry(std::string_view registry) {
    const std::size_t colon = port_colon(registry);
    return is_host_name(registry.substr(0, colon)) &&
           (colon == std::string_view::npos || is_port(registry.substr(colon + 1)));
}

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw Error(ErrorCode::invalid_argument,
                "'" + std::string(text.substr(0, 300)) + "' is not an image reference: " + why +
                    "; one is written [HOST[:PORT]/]NAME[:TAG][@DIGEST]");
}

}  // namespace

ImageReference ImageReference::parse(std::string_view text) {
    std::string_view rest = text;
    std::optional<Digest> digest;
    if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
        digest = Digest::try_parse(rest.substr(at + 1));
        if (!digest) refuse(text, "what follows '@' is not a sha256 or sha512 digest");
        rest = rest.substr(0, at);
    }
    std::string registry(docker_hub);
    const std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos && looks_like_host(rest.substr(0, slash))) {
        registry = rest.substr(0, slash);
        if (!is_registry(registry)) {
            refuse(text, "'" + registry + "' is not a host with or without a port");
        }
        rest.remove_prefix(slash + 1);
    }
    std::optional<Tag> tag;
    const std::size_t colon = rest.rfind(':');
    if (colon != std::string_view::npos) {
        tag = Tag::try_parse(rest.substr(colon + 1));
        if (!tag) refuse(text, "what follows ':' is not a tag");
        rest = rest.substr(0, colon);
    }
    if (registry == "index.docker.io") registry = docker_hub;
    const bool official = registry == docker_hub && rest.find('/') == std::string_view::npos;
    auto name = RepositoryName::try_parse((official ? "library/" : "") + std::string(rest));
    if (!name) {
        refuse(text, "'" + std::string(rest.substr(0, 260)) +
                         "' is not a name in lower-case letters, digits, '.', '_', '-' and '/'");
    }
    if (!tag && !digest) tag = Tag::parse("latest");
    return {std::move(registry), *std::move(name), std::move(tag), digest};
}

std::string ImageReference::target() const {
    return digest ? digest->to_string() : tag->str();
}

std::string ImageReference::str() const {
    std::string text = registry + "/" + repository.str();
    if (tag) text += ":" + tag->str();
    if (digest) text += "@" + digest->to_string();
    return text;
}

std::string host_of_registry(const std::string& registry) {
    return registry == docker_hub ? "registry-1.docker.io" : registry;
}

}  // namespace pkgreg
