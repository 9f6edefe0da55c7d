// A package as a list of segments per form: its own text, short insertions, and the two places
// where an address goes.
#pragma once

#include "pkgreg/dcos/universe.hpp"
#include "pkgreg/digest.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// How a package's text has to be changed for a document.
enum class PackageVariant : std::uint8_t {
    as_it_is,
    without_manager,  ///< for format v3
    before_1_10,      ///< for releases that render JSON without escaping, and know no packaging 4.0
};
inline constexpr std::size_t variant_count = 3;

struct Segment {
    enum class Kind : std::uint8_t { text, insertion, resource_base, image_host };
    Kind kind;
    std::uint32_t offset = 0;  ///< in the text, or in the insertions
    std::uint32_t length = 0;
};

/// A package's form in one variant.
struct SegmentList {
    std::vector<Segment> segments;
    std::uint64_t fixed_size = 0;  ///< without addresses
    std::uint32_t resource_bases = 0;
    std::uint32_t image_hosts = 0;

    std::uint64_t size(const RegistryAddress& address) const noexcept {
        return fixed_size + resource_bases * std::uint64_t{address.resource_base.size()} +
               image_hosts * std::uint64_t{address.image_host.size()};
    }
    bool has_address() const noexcept { return resource_bases + image_hosts != 0; }
};

struct DeflatedPackage;

struct UniversePackage::State {
    /// Reads a record that lies inside `*keeper`.
    State(std::shared_ptr<const void> keeper, std::string_view bytes);

    std::shared_ptr<const void> owner;
    std::string_view record;
    PackageCoordinate coordinate;
    PackagingVersion packaging_version = PackagingVersion::v5_0;
    ReleaseVersion min_release;
    std::uint64_t release_version = 0;
    // Inside the record:
    std::string_view text;
    std::string_view insertions;
    /// A variant that equals the text as it is has no list of its own.
    std::array<std::optional<SegmentList>, variant_count> variants;
    /// Of all that a document can show of this package.
    Digest digest = Digest(DigestAlgorithm::sha256, std::array<std::uint8_t, 32>{});

    /// The variant whose list stands for `variant`.
    PackageVariant effective(PackageVariant variant) const noexcept {
        return variants[static_cast<std::size_t>(variant)] ? variant : PackageVariant::as_it_is;
    }
    const SegmentList& list(PackageVariant variant) const noexcept {
        return *variants[static_cast<std::size_t>(effective(variant))];
    }

    std::string_view view(const Segment& segment, const RegistryAddress& address) const noexcept {
        switch (segment.kind) {
            case Segment::Kind::text: return text.substr(segment.offset, segment.length);
            case Segment::Kind::insertion: return insertions.substr(segment.offset, segment.length);
            case Segment::Kind::resource_base: return address.resource_base;
            case Segment::Kind::image_host: return address.image_host;
        }
        return {};
    }

    /// Bytes that this package keeps in memory, without what is compressed.
    std::size_t footprint() const noexcept;

    /// The compressed text of a variant, once a gzip document needed it; null before. It is kept
    /// here because it lives exactly as long as the package.
    std::shared_ptr<const DeflatedPackage> deflated(PackageVariant variant) const;
    /// Keeps the compressed text of a variant, or lets go of it.
    void keep_deflated(PackageVariant variant, std::shared_ptr<const DeflatedPackage> text) const;
    /// Bytes of what is compressed.
    std::size_t deflated_footprint() const;

 private:
    mutable std::mutex deflated_mutex_;
    mutable std::array<std::shared_ptr<const DeflatedPackage>, variant_count> deflated_;
};

/// Places in a JSON string, written as `raw` with its quotes, where a backslash has to be inserted
/// for releases before 1.10: in front of each quote of a match of `([^\\])"` over the string's
/// value, from left to right without overlap. Offsets are within `raw`.
std::vector<std::size_t> underescaped_quotes(std::string_view raw);

}  // namespace pkgreg
