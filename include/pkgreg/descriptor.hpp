// Descriptor: a typed pointer at content (OCI image specification, descriptor.md).
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/media_type.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg {

/// What a manifest says of one blob or manifest that it refers to.
///
/// A plain value; each member is valid by its own type. Only what the registry itself uses is
/// here: the manifest's bytes are kept verbatim, so no other field can get lost.
struct Descriptor {
    MediaType media_type;
    Digest digest;
    /// Size of the content in bytes.
    std::uint64_t size = 0;
    /// Where else the content can be had ("urls"); a blob with such a list need not be here.
    std::vector<std::string> urls = {};
    /// The type of the artifact, where the descriptor is of a manifest; empty where none is given.
    std::string artifact_type = {};

    friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace pkgreg
