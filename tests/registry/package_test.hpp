// What the tests of packages share: small bundles, and packages whose calls block.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/packages.hpp"

#include "registry/engine_test.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

PackageCoordinate coordinate_of(std::string_view name, std::string_view version = "1.0");

/// A package with one resource and one image, to be changed and made a bundle of.
struct TestPackage {
    explicit TestPackage(std::string package_name = "hello", std::string package_version = "1.0")
        : name(std::move(package_name)), version(std::move(package_version)) {}

    std::string name;
    std::string version;
    std::string description = "says hello";
    std::string file = "jar";                           ///< content of app.jar; empty: none
    std::string reference = "example.com/a/hello:1.0";  ///< of the image; empty: none
    std::vector<TestImage> images = {TestImage("hello")};
    /// An index of the images, rather than the first of them.
    bool is_index = false;

    std::string metadata() const;
    std::string image() const;
    Digest image_digest() const { return sha256(image()); }
    BundleContents contents() const;
    std::string bundle() const;
    PackageCoordinate coordinate() const { return coordinate_of(name, version); }
};

/// The packages of a registry, with names as text and calls that block.
class BlockingPackages {
 public:
    explicit BlockingPackages(const BlockingRegistry& registry)
        : packages_((*registry).packages()) {}

    PackageAddition add(const std::string& bundle, bool replace = false) const;
    PackageAddition add(const TestPackage& package, bool replace = false) const {
        return add(package.bundle(), replace);
    }
    std::optional<PackageInfo> find(const PackageCoordinate& coordinate) const;
    void remove(const PackageCoordinate& coordinate) const;
    /// `name version`, of each.
    std::vector<std::string> list(std::optional<std::string> name = std::nullopt,
                                  std::optional<PackageCoordinate> last = std::nullopt,
                                  std::size_t n = 1000) const;
    /// The bytes of a resource, or nothing.
    std::optional<std::string> read(const PackageCoordinate& coordinate, const Digest& digest,
                                    std::string_view file, ByteRange range = {}) const;
    UniverseImport import(std::vector<UniverseRevision> revisions, bool replace = false) const;
    std::string document(const UniverseDocuments::Request& request = {}) const;
    std::size_t count() const { return run_blocking(packages_.count()); }

 private:
    Packages& packages_;
};

/// Checks that a package that is there has all that it needs.
void expect_whole(const BlockingRegistry& registry, const PackageCoordinate& coordinate);

}  // namespace pkgreg
