// Repository documents in gzip and zstd: quickly, for whoever waits, and as small as can be, for
// everyone who comes later.
#pragma once

#include "pkgreg/dcos/universe.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace pkgreg {

/// Some text compressed on its own (RFC 1951), ended at a byte without ending the stream: such
/// parts can follow each other in one gzip member, whatever is between them.
struct DeflatedPart {
    std::string bytes;
    std::uint32_t crc = 0;   ///< CRC-32 of the text
    std::uint64_t size = 0;  ///< of the text
};

/// A package's text around the addresses in it. Between the two parts, from the first address to
/// the last, the text depends on who asks.
struct DeflatedPackage {
    DeflatedPart before;
    DeflatedPart after;
    std::size_t first_open = 0;   ///< index of the first segment that is in neither part
    std::size_t first_after = 0;  ///< index of the first segment of `after`

    std::size_t footprint() const noexcept {
        return sizeof(DeflatedPackage) + before.bytes.capacity() + after.bytes.capacity();
    }
};

/// One gzip member, put together from the packages' parts; those that are missing are made and kept
/// with the packages.
std::string gzip_quickly(const RepositoryText& text);
/// A zstd frame, with a window of at most 8 MiB, which is what clients have to support (RFC 8878).
std::string zstd_quickly(const RepositoryText& text);

/// Says that the outcome is not wanted any more.
using Cancelled = std::function<bool()>;
/// The strongest forms; they take seconds. Nothing when cancelled.
std::optional<std::string> gzip_strongest(const RepositoryText& text, const Cancelled& cancelled);
std::optional<std::string> zstd_strongest(const RepositoryText& text, const Cancelled& cancelled);

}  // namespace pkgreg
