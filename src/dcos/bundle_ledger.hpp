// What a bundle has announced and what came of it; the reader and the writer keep the same ledger.
#pragma once

#include "pkgreg/dcos/bundle.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

/// Limits of the documents in a bundle; real ones are a hundredth of that.
inline constexpr std::size_t max_bundle_document = std::size_t{64} << 20;
inline constexpr std::size_t max_bundle_manifest = std::size_t{4} << 20;

/// `bundle.json`.
std::string bundle_index_json(const BundleContents& contents);

/// An image that the bundle has in an archive of `docker save`.
struct ArchivedImage {
    std::size_t position;  ///< in `BundleContents::images`
    Digest archive;
    std::uint64_t size;  ///< of the archive
    std::string name;    ///< which image of it: a tag or the digest of a configuration, or empty
};

struct BundleIndex {
    /// The manifests of archived images are not known yet; the archive takes their place.
    BundleContents contents;
    std::vector<ArchivedImage> archived = {};
};

/// Reads `bundle.json`. Throws `invalid_argument`.
BundleIndex read_bundle_index(PackageMetadata metadata, std::string_view json);
/// Throws `invalid_argument` when the lists do not fit the metadata.
void check_bundle_contents(const BundleContents& contents);

/// `images/index.json`: each different manifest once.
std::string bundle_images_json(const BundleContents& contents);
/// Throws `invalid_argument` when `images/index.json` names other manifests than these.
void check_bundle_images(const std::set<Digest>& expected, std::string_view json);

class BundleLedger {
 public:
    explicit BundleLedger(const BundleContents& contents);

    /// The first that was announced and is not there yet; null when all are.
    const BundleBlob* next();
    /// The one announced with this digest that is not there yet, or null.
    const BundleBlob* find(bool resource, const Digest& digest) const;
    /// Notes that a blob is there; `content` is that of a manifest, and announces more. Throws
    /// `invalid_argument` when it is no manifest.
    void complete(const BundleBlob& blob, std::string_view content);

 private:
    struct Item {
        BundleBlob blob;
        bool required = true;
        bool complete = false;
    };

    void announce(BundleBlob blob, bool required);
    void announce_from(std::string_view manifest, const std::string& media_type);

    std::deque<Item> items_;
    std::map<std::pair<bool, Digest>, Item*> by_digest_;
    std::size_t next_ = 0;
};

}  // namespace pkgreg
