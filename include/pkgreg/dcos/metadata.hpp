// PackageMetadata: what a DC/OS package says of itself, checked by the rules of packaging 3.0, 4.0
// and 5.0, and kept as the text that it came in.
#pragma once

#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/dcos/release_version.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// One thing that is wrong with a package: where, and what is wanted there.
struct Problem {
    /// The file, as its name stands in the package's folder; empty where there is only one
    /// document.
    std::string file;
    /// The field, such as `resource.assets.uris.jar` or `tags[2]`; empty for the whole document. A
    /// key that is not made of letters, digits, `_` and `-` is written `["my key"]`.
    std::string path;
    std::string message;

    /// `resource.json: assets.uris.jar: must be a string, not a number`
    std::string str() const;

    friend bool operator==(const Problem&, const Problem&) = default;
};

/// All problems as one text, a line each.
std::string to_string(const std::vector<Problem>& problems);

/// Which rules a document is checked by.
enum class MetadataForm : std::uint8_t {
    /// What a registry keeps and serves: complete in itself.
    metadata,
    /// What `build` takes: `config`, `resource` and `marathon.v2AppMustacheTemplate` may be local
    /// references, `@` and a file name.
    build_definition,
};

enum class PackagingVersion : std::uint8_t { v3_0, v4_0, v5_0 };
/// `"3.0"`, …
std::string_view to_string(PackagingVersion version) noexcept;

/// What an asset is for, by where it stands in `resource`.
enum class AssetKind : std::uint8_t {
    uri,         ///< `assets.uris.<name>`: a file for the service's tasks
    docker,      ///< `assets.container.docker.<name>`: an image reference
    image,       ///< `images.icon-small|icon-medium|icon-large`: a picture
    screenshot,  ///< `images.screenshots[i]`: a picture
    cli_binary,  ///< `cli.binaries.<platform>.x86-64.url`: the package's own command line
};

/// How a package's command line is packed.
enum class BinaryKind : std::uint8_t { executable, zip };

/// One file or image that a package refers to.
struct Asset {
    AssetKind kind;
    /// Where the reference stands: `resource.assets.uris.jar`.
    std::string path;
    /// The name of a URI, Docker image or icon; the platform (`linux`) of a command line; the index
    /// of a screenshot.
    std::string name;
    /// The URL, file path or image reference.
    std::string value;
    /// For `cli_binary`.
    BinaryKind binary_kind = BinaryKind::executable;
    /// For `cli_binary`: the SHA-256 hashes that the file must have, as they are written.
    std::vector<std::string> sha256 = {};
};

/// A `@file` in a build definition.
struct LocalReference {
    /// `config`, `resource` or `marathon.v2AppMustacheTemplate`.
    std::string path;
    /// The file, without the `@`.
    std::string file;
};

class JsonText;

/// Valid metadata of one package version. Immutable; a copy shares the text.
///
/// The rules are those of the package registry's own JSON schemas, and four more: no object has the
/// same key twice (programs would disagree on what it means), `config` and `command` are objects
/// (the package manager cannot read a repository in which one is not), a name or version has at
/// most 255 bytes, and a version is not `.` or `..`.
class PackageMetadata {
 public:
    /// Checks `text`. Where it is valid, `problems` stays as it is; otherwise every problem is
    /// added and nothing is returned.
    static std::optional<PackageMetadata> check(std::string text, MetadataForm form,
                                                std::vector<Problem>& problems);

    /// As `check`, but throws `invalid_argument` whose message has all problems, a line each.
    static PackageMetadata parse(std::string text, MetadataForm form = MetadataForm::metadata);

    /// The document, byte for byte as it came.
    std::string_view text() const noexcept;

    const PackageName& name() const noexcept;
    const PackageVersion& version() const noexcept;
    const PackageCoordinate& coordinate() const noexcept;
    PackagingVersion packaging_version() const noexcept;
    /// `minDcosReleaseVersion`, or 0.0.
    const ReleaseVersion& min_release() const noexcept;

    /// Everything that `resource` refers to, in the order of the text.
    std::vector<Asset> assets() const;

    /// Calls `visit` for every asset with the place [begin, end) in the text of the JSON string
    /// that refers to it, in the order of the text.
    void for_each_asset(
        const std::function<void(const Asset&, std::size_t begin, std::size_t end)>& visit) const;

    /// Gives the new value of an asset, or nothing to leave it as it is.
    using AssetRewriter = std::function<std::optional<std::string>(const Asset&)>;
    /// The document with some assets replaced. All the rest is the original text.
    std::string rewrite_assets(const AssetRewriter& rewriter) const;

    /// The local references of a build definition.
    std::vector<LocalReference> local_references() const;

    /// Gives the content of the file that a build definition refers to; may throw.
    using FileReader = std::function<std::string(const LocalReference&)>;
    /// The build definition as metadata: `config` and `resource` files are spliced in, the template
    /// in base64. Where the outcome is not valid metadata every problem is added, those of a file
    /// under its name, and nothing is returned.
    std::optional<PackageMetadata> resolve(const FileReader& reader,
                                           std::vector<Problem>& problems) const;

    /// The parsed document, for the library's own sources.
    const JsonText& document() const noexcept;

 private:
    struct State;
    explicit PackageMetadata(std::shared_ptr<const State> state) noexcept;
    std::shared_ptr<const State> state_;
};

}  // namespace pkgreg
