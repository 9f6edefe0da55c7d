// Route: which endpoint of the OCI distribution specification a path names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pkgreg::oci {

enum class Endpoint : std::uint8_t {
    none,        ///< no path of this protocol
    base,        ///< /v2/                              end-1
    catalog,     ///< /v2/_catalog                      Docker's registry API
    repository,  ///< /v2/<name>                        deletion of all that a repository has
    blob,        ///< /v2/<name>/blobs/<digest>         end-2, end-10
    uploads,     ///< /v2/<name>/blobs/uploads/         end-4, end-11
    upload,      ///< /v2/<name>/blobs/uploads/<id>     end-5, end-6, end-13, end-14
    manifest,    ///< /v2/<name>/manifests/<reference>  end-3, end-7, end-9
    tags,        ///< /v2/<name>/tags/list              end-8
    referrers,   ///< /v2/<name>/referrers/<digest>     end-12
};

/// Views into the path; nothing in them is checked yet.
struct Route {
    Endpoint endpoint = Endpoint::none;
    std::string_view name = {};
    /// Digest, reference or upload id.
    std::string_view item = {};
};

/// Reads a decoded path. A name may hold components such as `blobs`, so it is read from its end.
inline Route find_route(std::string_view path) noexcept {
    if (path == "/v2" || path == "/v2/") return {Endpoint::base};
    if (!path.starts_with("/v2/")) return {};
    path.remove_prefix(4);
    if (path == "_catalog") return {Endpoint::catalog};

    // The last two components and what is before them.
    std::string_view rest = path;
    const auto cut = [&rest]() -> std::string_view {
        const std::size_t slash = rest.rfind('/');
        if (slash == std::string_view::npos) return std::exchange(rest, std::string_view());
        const std::string_view last = rest.substr(slash + 1);
        rest = rest.substr(0, slash);
        return last;
    };
    const std::string_view last = cut();
    const std::string_view before = cut();
    const std::string_view name = rest;
    if (!name.empty()) {
        if (before == "blobs" && last == "uploads") return {Endpoint::uploads, name};
        if (before == "blobs") return {Endpoint::blob, name, last};
        if (before == "manifests") return {Endpoint::manifest, name, last};
        if (before == "referrers") return {Endpoint::referrers, name, last};
        if (before == "tags" && last == "list") return {Endpoint::tags, name};
        if (before == "uploads") {
            const std::string_view blobs = cut();
            if (blobs == "blobs" && !rest.empty()) {
                return last.empty() ? Route{Endpoint::uploads, rest}
                                    : Route{Endpoint::upload, rest, last};
            }
        }
    }
    if (path.ends_with('/')) path.remove_suffix(1);
    return {Endpoint::repository, path};
}

}  // namespace pkgreg::oci
