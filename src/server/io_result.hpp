// What one attempt to move bytes came to.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pkgreg {

enum class IoStatus : std::uint8_t { ok, would_block, end, failed };

/// What one attempt moved; `bytes` is above 0 only with `ok`.
struct IoResult {
    IoStatus status = IoStatus::failed;
    std::size_t bytes = 0;
};

}  // namespace pkgreg
