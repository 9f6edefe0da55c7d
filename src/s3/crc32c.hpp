// CRC-32C, the Castagnoli polynomial (RFC 3720, appendix B.4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pkgreg::s3 {

/// Of all of `bytes`. Uses the processor's instruction where it has one (SSE 4.2).
std::uint32_t crc32c(std::span<const std::byte> bytes) noexcept;

/// The same without that instruction, for processors that lack it.
std::uint32_t crc32c_by_table(std::span<const std::byte> bytes) noexcept;

}  // namespace pkgreg::s3
