// The `.dcos` bundle: a package with everything it refers to, in one file. README.md beside this
// header defines the format.
#pragma once

#include "pkgreg/dcos/metadata.hpp"
#include "pkgreg/descriptor.hpp"
#include "pkgreg/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// A file in a bundle, and the asset it stands for.
struct BundleResource {
    std::string asset;  ///< its path in the metadata, such as `resource.assets.uris.jar`
    Digest digest;
    std::uint64_t size = 0;
    std::string file;  ///< the name it is downloaded under
};

/// An image in a bundle, and the asset it stands for.
struct BundleImage {
    std::string asset;
    Descriptor manifest;  ///< of an image, or of an index with all that it lists
};

/// What a bundle holds: `metadata.json` and `bundle.json`.
struct BundleContents {
    PackageMetadata metadata;
    std::vector<BundleResource> resources = {};
    std::vector<BundleImage> images = {};
};

/// A resource, or a blob of an image (manifests are blobs here), as it was announced.
struct BundleBlob {
    enum class Kind : std::uint8_t { resource, manifest, blob };
    Kind kind;
    Digest digest;
    std::uint64_t size = 0;
    /// Of a manifest; empty otherwise.
    std::string media_type = {};
};

/// Gives the next bytes of some content: at most `into.size()`, 0 at the end. May block and throw.
using ByteReader = std::function<std::size_t(std::span<char> into)>;
/// Lends the next bytes of some content, nothing at the end; they need to be there until the next
/// call begins. May block and throw.
using BlockReader = std::function<std::string_view()>;
/// Takes the next bytes. May block and throw.
using ByteWriter = std::function<void(std::string_view bytes)>;

/// Writes a bundle from front to back, in memory that does not depend on its size. Equal contents
/// make equal bundles, byte for byte. One thread uses it at a time.
class BundleWriter {
 public:
    /// Writes `metadata.json` and `bundle.json`. Throws `invalid_argument` where `contents` names
    /// an asset that the metadata does not have, or one twice.
    BundleWriter(const BundleContents& contents, ByteWriter output);
    ~BundleWriter();
    BundleWriter(const BundleWriter&) = delete;
    BundleWriter& operator=(const BundleWriter&) = delete;

    /// What comes next, in the order that the format asks for; null when everything is there. A
    /// manifest that was added announces what it refers to. Valid until the next call of `add`.
    const BundleBlob* next() const;

    /// Adds the content of `next()`. Throws `digest_invalid` or `size_invalid` when it is not what
    /// was announced; the bundle is of no use then.
    void add(const ByteReader& content);

    /// Ends the bundle. Throws `invalid_argument` when something is missing.
    void finish();

 private:
    class State;
    std::unique_ptr<State> state_;
};

/// Is told of a bundle's parts while it is read. What it throws ends the reading.
class BundleVisitor {
 public:
    virtual ~BundleVisitor() = default;
    /// Before everything else.
    virtual void contents(const BundleContents& contents) = 0;
    /// A blob begins; its bytes follow.
    virtual void begin(const BundleBlob& blob) = 0;
    virtual void data(std::string_view bytes) = 0;
    /// The blob is complete, and has the announced size and digest.
    virtual void end(const BundleBlob& blob) = 0;
};

/// Who compares the bytes of resources and blobs with their digests.
enum class BundleHashing : std::uint8_t {
    by_reader,
    /// The visitor does, as storing them does anyway. (Manifests are checked all the same.)
    by_visitor,
};

/// Reads a bundle from front to back, in memory that does not depend on its size. When it returns,
/// the bundle was valid and complete. Throws `invalid_argument` for what breaks the format,
/// `digest_invalid` and `size_invalid` for content that is not what was announced, `truncated`
/// where the bundle ends too early; nothing that was visited counts then.
void read_bundle(const ByteReader& input, BundleVisitor& visitor,
                 BundleHashing hashing = BundleHashing::by_reader);

/// As above, without a copy: what the visitor is given of resources and blobs are parts of the
/// blocks, but for a few bytes where one ends.
void read_bundle(const BlockReader& input, BundleVisitor& visitor,
                 BundleHashing hashing = BundleHashing::by_reader);

}  // namespace pkgreg
