// Copies of images from and to other registries, over the OCI distribution protocol.
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/registry.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// How far a copy is.
struct CopyProgress {
    /// "pull" or "push".
    std::string_view operation;
    /// The digest of the blob that is on its way, or the image's reference while there is none.
    std::string_view subject;
    /// Bytes of the subject so far, and in all.
    std::uint64_t done = 0;
    std::uint64_t total = 0;
};

/// How another registry is spoken to. The defaults ask nothing of anyone: no credentials, the
/// system's certificates, every platform.
struct RemoteOptions {
    RemoteOptions() noexcept {}  // not an aggregate, see PutOptions

    /// For Basic authentication and for the token service that the registry names. They are sent
    /// over plain HTTP only where the registry itself is asked so.
    std::string username = {};
    std::string password = {};
    /// A PEM file of authorities to trust beside the system's; empty: none.
    std::string ca_file = {};
    /// Which images of an index to pull, as `os/architecture[/variant]`; empty: all, and the index
    /// as it is. With one, the image alone is pulled; with several, an index of just these.
    /// What is no index is pulled as it is.
    std::vector<std::string> platforms = {};
    /// How long nothing may move before a transfer is given up and tried again.
    std::chrono::seconds stall_timeout{60};
    /// How often a request is tried again that met a passing disturbance.
    unsigned retries = 4;
    /// Told of the copy about ten times a second, also while it waits, on the calling thread. False
    /// stops the copy, which then throws `cancelled`. May be empty.
    std::function<bool(const CopyProgress&)> progress = {};
};

/// Copies an image, with all that it refers to, from another registry into `repository`, and points
/// `tag` at it where one is given. Returns the digest of its manifest.
///
/// Blobs that `registry` holds, in whichever repository, are not fetched. The others are streamed
/// into it, with as little memory as an upload takes, and checked; one that breaks off goes on
/// where it ended. Manifests come after what they refer to, and the tag last: an image is there as
/// a whole or not at all. What was fetched by a copy that failed is found by the next one.
///
/// @param source `registry.example.com/team/app:1.2` or `…@sha256:…`; without tag and digest it is
///               `latest`, without a host Docker Hub's. In front, `http://` asks in plain HTTP.
///
/// Blocks the calling thread, as `run_blocking` does; may be called from any thread, any number at
/// once. Throws, beside the codes of `Registry`: `invalid_argument` for a source, platform or file
/// that is none; `manifest_unknown` and `blob_unknown` for what the registry does not have;
/// `unauthorized` and `denied`; `digest_invalid` and `size_invalid` for content that is not what
/// its name says; `unavailable` for a registry that cannot be reached, fails, or falls silent;
/// `cancelled`; `unsupported` in a build without copies. Messages name the registry and the
/// repository, and never a secret.
Digest pull_image(Registry& registry, std::string_view source, const RepositoryName& repository,
                  const std::optional<Tag>& tag, const RemoteOptions& options = {});

/// Copies an image, with all that it refers to, from `repository` to another registry. Returns the
/// digest of its manifest.
///
/// Blobs that the other registry has in its repository are not sent. The others are streamed, each
/// in one request; then come the manifests, and at last the tag.
///
/// @param target as `source` above; with a digest it must be that of the image
///
/// Blocks and throws as `pull_image` does; `manifest_unknown` where `repository` has no such image,
/// `digest_invalid` where it is not the one that `target` names.
Digest push_image(Registry& registry, const RepositoryName& repository, const Reference& reference,
                  std::string_view target, const RemoteOptions& options = {});

}  // namespace pkgreg
