// Packages: the DC/OS packages that a registry holds. Added as bundles, shown as a Universe
// repository, served as resources and images.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/byte_range.hpp"
#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/dcos/universe.hpp"
#include "pkgreg/dcos/universe_import.hpp"
#include "pkgreg/descriptor.hpp"
#include "pkgreg/digest.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// A file that the registry holds for an asset of a package.
struct PackageResource {
    std::string asset;  ///< its path in the metadata, such as `resource.assets.uris.jar`
    Digest digest;
    std::uint64_t size = 0;  ///< in bytes
    std::string file;        ///< the last component of its URL
};

/// Where a registry serves a file of a package: `/resource/<coordinate>/sha256:<hex>/<file>`, the
/// file's name percent-encoded where a path needs that (RFC 3986, 3.3).
std::string resource_path(const PackageCoordinate& coordinate, const PackageResource& resource);

/// An image that the registry holds for an asset of a package.
struct PackageImage {
    std::string asset;
    /// Where it can be pulled by its digest.
    RepositoryName repository;
    Descriptor manifest;
};

/// One package version, as a registry holds it.
struct PackageInfo {
    PackageCoordinate coordinate;
    /// Grows with each later addition of the same package.
    std::uint64_t release_version = 0;
    std::optional<bool> selected = {};  ///< the Universe's mark, where one was given
    std::vector<PackageResource> resources = {};
    std::vector<PackageImage> images = {};
    /// The metadata, but for white space between its tokens; assets have their original values.
    /// Lies inside `*owner`.
    std::string_view metadata = {};
    std::shared_ptr<const void> owner = {};  ///< keeps `metadata`
};

/// What an addition did.
enum class PackageOutcome : std::uint8_t {
    added,
    unchanged,  ///< the same package was there: nothing was stored twice
    replaced,   ///< another content was there under this name and version, and had to give way
};
/// `added`, `unchanged`, `replaced`.
std::string_view to_string(PackageOutcome outcome) noexcept;

struct PackageAddition {  ///< What `Packages::add` did, to which package.
    PackageCoordinate coordinate;
    std::uint64_t release_version = 0;
    PackageOutcome outcome = PackageOutcome::added;
};

/// A package that an import did not take, and why.
struct PackageRefusal {
    PackageCoordinate coordinate;
    std::string reason;
};

struct UniverseImport {  ///< What `Packages::import` did, in the order of the revisions.
    std::vector<PackageAddition> additions = {};
    std::vector<PackageRefusal> refusals = {};
};

/// One page of packages, ordered by name, then version, in byte order.
struct PackagePage {
    std::vector<PackageInfo> packages = {};
    bool more = false;  ///< whether there are more behind the last one
};

/// Refuses a package by throwing. Called on another thread than the addition's caller.
using PackageCheck = std::function<void(const PackageCoordinate&)>;

/// The packages of a registry, see `Registry::packages`.
///
/// Every member may be called from any thread, any number at once. A change is durable, and seen by
/// every call that begins later, when its call completes. Calls throw the codes of `ObjectStore`
/// beside their own; changes throw `read_only` in read-only mode, and `remove` throws `unsupported`
/// where deletion is off.
class Packages {
 public:
    virtual ~Packages() = default;

    /// Adds the package that a bundle holds, streamed: it completes when all of the bundle was
    /// checked and stored. A crash, a broken body or an invalid bundle leaves no package. Its
    /// resources become blobs; its images can be pulled by digest from the repositories that their
    /// references name, without the host. Adding the same package again changes nothing.
    ///
    /// @param replace let go of another content that has this name and version; else that throws
    ///                `package_exists`
    /// @param check   is told which package the bundle holds before anything of it is stored; null:
    ///                any may come. Must live until the call completes.
    /// Throws what `check` throws, what `read_bundle` throws for the bundle, and what the body
    /// throws.
    virtual awaitable<PackageAddition> add(BodySource& bundle, bool replace = false,
                                           const PackageCheck* check = nullptr) = 0;

    /// Adds packages without their files: assets stay what they are. Keeps `release_version` and
    /// `selected` where they are given. Packages that are there with other content are refused, or
    /// replaced; with `replace`, so are those of which only these two differ. A failure of the
    /// storage ends the import; what was added before stays.
    virtual awaitable<UniverseImport> import(std::vector<UniverseRevision> revisions,
                                             bool replace = false) = 0;

    /// The package, or nothing.
    virtual awaitable<std::optional<PackageInfo>> find(const PackageCoordinate& coordinate) = 0;

    /// @param name only versions of this package
    /// @param last the package behind which to go on
    /// @param n    how many at most, 1 to 1,000
    /// @param visible which names the page may have; null: all. A page is as full all the same.
    ///                Must live until the call completes; asked under a lock, so it must be quick
    ///                and not call back.
    virtual awaitable<PackagePage> list(const std::optional<PackageName>& name,
                                        const std::optional<PackageCoordinate>& last, std::size_t n,
                                        const PackageFilter* visible = nullptr) = 0;
    virtual awaitable<std::size_t> count() = 0;  ///< How many versions, of all names.

    /// Takes a package out. Its images go too, but for those that another package, a tag or an
    /// index of their repository still uses. Throws `package_unknown`.
    virtual awaitable<void> remove(const PackageCoordinate& coordinate) = 0;

    /// Opens a file of a package, or null where the package has no such file. A range that cannot
    /// be satisfied gives a reader without an interval.
    virtual awaitable<std::unique_ptr<ObjectReader>> open_resource(
        const PackageCoordinate& coordinate, const Digest& digest, std::string_view file,
        ByteRange range = {}) = 0;

    /// The repository document of all packages, or of one name. Made and compressed beside the
    /// caller's thread where it is not at hand. Throws `package_unknown` for a name that no package
    /// has.
    virtual awaitable<RepositoryDocument> document(const UniverseDocuments::Request& request) = 0;
};

}  // namespace pkgreg
