// What kinds of manifests a client of registries takes.
#pragma once

#include "pkgreg/media_type.hpp"

#include <string>

namespace pkgreg {

inline bool is_index(const MediaType& type) {
    return type == media_types::oci_index || type == media_types::docker_list;
}

/// The field that asks for everything that can be stored; for schema 1 to be told that the image is
/// one. What else a registry has, such as artifacts of older revisions, it sends all the same.
inline std::string accepted_manifests() {
    return "Accept: application/vnd.oci.image.index.v1+json, "
           "application/vnd.docker.distribution.manifest.list.v2+json, "
           "application/vnd.oci.image.manifest.v1+json, "
           "application/vnd.docker.distribution.manifest.v2+json, "
           "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1";
}

}  // namespace pkgreg
