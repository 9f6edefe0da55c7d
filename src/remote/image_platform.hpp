// Platforms of images, and the choice of one from an index.
#pragma once

#include "pkgreg/descriptor.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// An operating system and a processor, as OCI image indexes name them.
struct Platform {
    std::string os = "linux";
    std::string architecture = "amd64";
    /// Empty: whichever there is.
    std::string variant = {};

    /// Reads `os/architecture[/variant]`, or nothing.
    static std::optional<Platform> try_parse(std::string_view text);
    std::string str() const;
};

/// The image of an index (or Docker manifest list) for a platform. Throws `manifest_unknown` where
/// there is none, naming those that there are, and `manifest_invalid` for what is no index.
Descriptor choose_platform(std::string_view index, const Platform& platform);

}  // namespace pkgreg
