// The URLs that answers name. All are paths without scheme and host: a client may have come through
// a proxy, under a name that the registry does not know.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/registry.hpp"

#include <string>

namespace pkgreg::oci {

inline std::string repository_path(const RepositoryName& name, std::string_view rest) {
    return std::string("/v2/").append(name.str()).append(rest);
}
inline std::string blob_path(const RepositoryName& name, const Digest& digest) {
    return repository_path(name, "/blobs/").append(digest.to_string());
}
inline std::string manifest_path(const RepositoryName& name, const Digest& digest) {
    return repository_path(name, "/manifests/").append(digest.to_string());
}

/// The fields that tell where an upload stands: `Location`, `Range` and Docker's id. A range with
/// no bytes cannot be written, so an empty upload shows as `0-0`, as everybody does.
inline void add_upload_status(HttpResponse& response, const RepositoryName& name,
                              const UploadStatus& status) {
    const std::uint64_t last = status.offset == 0 ? 0 : status.offset - 1;
    response.header("Location", repository_path(name, "/blobs/uploads/").append(status.id))
        .header("Range", "0-" + std::to_string(last))
        .header("Docker-Upload-UUID", status.id);
}

/// The fields of an answer to a finished push of a blob.
inline HttpResponse blob_created(const RepositoryName& name, const Digest& digest) {
    HttpResponse response(201);
    response.header("Location", blob_path(name, digest))
        .header("Docker-Content-Digest", digest.to_string());
    return response;
}

}  // namespace pkgreg::oci
