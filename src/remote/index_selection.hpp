// Which images of an index are copied, by their platforms.
#pragma once

#include "pkgreg/descriptor.hpp"

#include "remote/image_platform.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// An index may hold indexes, though hardly any does; a copy follows them so deep.
inline constexpr int max_index_depth = 4;

/// Reads `os/architecture[/variant]` texts. Throws `invalid_argument`.
std::vector<Platform> parse_platforms(const std::vector<std::string>& texts);

/// What takes the place of an index: one of its images, or an index of some of them.
struct IndexSelection {
    std::optional<Descriptor> image = {};
    /// Every byte is the index's own, but for the entries left out.
    std::string index = {};
};

/// @param platforms at least one
/// Throws `manifest_unknown` where there is no image for one of them.
IndexSelection select_platforms(std::string_view index, const std::vector<Platform>& platforms);

}  // namespace pkgreg
