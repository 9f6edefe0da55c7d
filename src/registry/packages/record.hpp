// A package's record, the one object that makes it part of the registry: a line of JSON with what
// the registry holds for it, then the package prepared for repository documents.
//
//   {"format":1,"content":"sha256:…","selected":null,"resources":[…],"images":[…]}
//   <UniversePackage::record>
//
// Everything that a package needs is stored before its record, so a crash leaves all of it or none.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/dcos/universe.hpp"
#include "pkgreg/dcos/universe_import.hpp"
#include "pkgreg/object_key.hpp"
#include "pkgreg/packages.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// A package that may become part of the registry.
struct PackageDraft {
    explicit PackageDraft(const BundleContents& bundle);
    explicit PackageDraft(const UniverseRevision& revision);

    /// Without white space between its tokens.
    PackageMetadata metadata;
    std::vector<PackageResource> resources = {};
    std::vector<PackageImage> images = {};
    std::optional<bool> selected = {};
    /// Of all that makes two packages the same: metadata, resources and images.
    Digest content;
};

/// A package as it is stored. Immutable; its texts lie in the record, which it keeps.
struct StoredPackage {
    ObjectKey key;
    Digest content;
    std::optional<bool> selected;
    std::vector<PackageResource> resources;
    std::vector<PackageImage> images;
    UniversePackage universe;
};

std::string encode_record(const PackageDraft& draft, std::uint64_t release_version);

/// Reads the record that lies under `key`. Throws `incompatible` for a record of another version of
/// this library, and `corrupt` for what is none, or of another package than the key says.
std::shared_ptr<const StoredPackage> decode_record(ObjectKey key,
                                                   std::shared_ptr<const std::string> bytes);

/// How `draft` differs from the stored package of that name and version, in words: `description
/// and tags differ; resource.assets.uris.jar is another file`.
std::string describe_differences(const StoredPackage& stored, const PackageDraft& draft);

/// The repository that an image goes into: the path in its reference, as Docker reads it, without
/// host, tag and digest; where that is no repository name, the package's name.
RepositoryName image_repository(std::string_view reference, const PackageName& package);

}  // namespace pkgreg
