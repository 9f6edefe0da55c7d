#include "remote/image_platform.hpp"

#include "pkgreg/error.hpp"

#include "base/printable.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace pkgreg {
namespace {

namespace dom = simdjson::dom;

std::string text_of(dom::object object, std::string_view key) {
    std::string_view text;
    return object[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

/// Every 64-bit ARM is a v8, so both spellings are one.
std::string variant_of(const Platform& platform) {
    return platform.architecture == "arm64" && platform.variant == "v8" ? "" : platform.variant;
}

Platform read_platform(dom::object descriptor) {
    dom::object platform;
    if (descriptor["platform"].get(platform) != simdjson::SUCCESS) return {"", ""};
    return {text_of(platform, "os"), text_of(platform, "architecture"),
            text_of(platform, "variant")};
}

Descriptor read_descriptor(dom::object object) {
    const auto type = MediaType::try_parse(text_of(object, "mediaType"));
    const auto digest = Digest::try_parse(text_of(object, "digest"));
    std::uint64_t size = 0;
    if (!type || !digest || object["size"].get(size) != simdjson::SUCCESS) {
        throw Error(ErrorCode::manifest_invalid,
                    "an entry of the index is no descriptor with mediaType, digest and size");
    }
    return Descriptor{*type, *digest, size};
}

[[noreturn]] void refuse(const Platform& platform, const std::set<std::string>& known) {
    std::string list;
    for (const std::string& one : known) {
        list += list.empty() ? "" : ", ";
        append_printable(list, one);
    }
    throw Error(ErrorCode::manifest_unknown, "there is no image for " + platform.str() +
                                                 "; there are: " + (list.empty() ? "none" : list));
}

}  // namespace

std::optional<Platform> Platform::try_parse(std::string_view text) {
    std::vector<std::string> parts(1);
    for (const char c : text) {
        const bool word =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (c == '/') {
            parts.emplace_back();
        } else if (word) {
            parts.back().push_back(c);
        } else {
            return std::nullopt;
        }
    }
    const bool empty = std::ranges::any_of(parts, &std::string::empty);
    if (empty || parts.size() < 2 || parts.size() > 3) return std::nullopt;
    return Platform{parts[0], parts[1], parts.size() == 3 ? parts[2] : ""};
}

std::string Platform::str() const {
    return os + "/" + architecture + (variant.empty() ? "" : "/" + variant);
}

Descriptor choose_platform(std::string_view index, const Platform& platform) {
    dom::parser parser;
    dom::array manifests;
    if (parser.parse(index.data(), index.size())["manifests"].get(manifests) != simdjson::SUCCESS) {
        throw Error(ErrorCode::manifest_invalid, "the image index has no list of manifests");
    }
    std::set<std::string> known;
    std::optional<Descriptor> some_variant;
    for (const dom::element element : manifests) {
        dom::object entry;
        if (element.get(entry) != simdjson::SUCCESS) continue;
        const Platform found = read_platform(entry);
        if (!found.os.empty()) known.insert(found.str());
        if (found.os != platform.os || found.architecture != platform.architecture) continue;
        // Without a wish for a variant the entry without one is the plainest; else the first.
        if (variant_of(found) == variant_of(platform)) return read_descriptor(entry);
        if (platform.variant.empty() && !some_variant) some_variant = read_descriptor(entry);
    }
    if (!some_variant) refuse(platform, known);
    return *some_variant;
}

}  // namespace pkgreg
