// ImageReference: which image of which registry, as Docker and Marathon write it.
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/names.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`. Without a host it means Docker Hub, where a name of one
/// component lies in `library/`; without tag and digest it means the tag `latest`.
struct ImageReference {
    /// With its port, as it is written; `docker.io` for Docker Hub.
    std::string registry;
    RepositoryName repository;
    std::optional<Tag> tag = {};
    std::optional<Digest> digest = {};

    /// Throws `invalid_argument`, saying which part is wrong.
    static ImageReference parse(std::string_view text);

    /// What the registry is asked for: the digest where there is one, else the tag.
    std::string target() const;
    /// In full: `docker.io/library/nginx:latest`.
    std::string str() const;

    friend bool operator==(const ImageReference&, const ImageReference&) = default;
};

inline constexpr std::string_view docker_hub = "docker.io";

/// The host (with its port) of a registry: Docker Hub's is not where its name leads.
std::string host_of_registry(const std::string& registry);

}  // namespace pkgreg
