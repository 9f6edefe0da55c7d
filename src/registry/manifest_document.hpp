// ManifestDocument: what a registry has to know of a manifest, read from its JSON and checked. The
// bytes themselves are stored as they came.
#pragma once

#include "pkgreg/descriptor.hpp"
#include "pkgreg/media_type.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

struct ManifestDocument {
    MediaType media_type;
    /// `config` and `layers` (and `blobs`, in artifacts of older revisions).
    std::vector<Descriptor> blobs = {};
    /// `manifests` of an index or a Docker manifest list.
    std::vector<Descriptor> manifests = {};
    std::optional<Descriptor> subject = {};
    /// The type to show in a list of referrers: `artifactType`, else in an image manifest the
    /// config's media type; empty where there is none.
    std::string artifact_type = {};
    /// The `annotations` object as JSON, or empty.
    std::string annotations = {};

    /// Reads and checks a manifest.
    ///
    /// @param content_type the type it was pushed with; nothing (and the generic types
    ///                     `application/json` and `application/octet-stream`): the document says
    /// Throws `manifest_invalid`; the message names the field.
    static ManifestDocument parse(std::string_view bytes,
                                  const std::optional<MediaType>& content_type);
};

/// Whether a descriptor's content need not be in the registry: it names other places to get it
/// from, or its media type says that it must not be distributed.
bool is_kept_elsewhere(const Descriptor& descriptor);

/// The descriptor that a list of referrers shows (OCI distribution specification, "Listing
/// Referrers"), as a JSON object.
std::string referrer_descriptor(const Digest& digest, std::uint64_t size,
                                const ManifestDocument& document);

}  // namespace pkgreg
