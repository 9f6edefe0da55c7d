// The catalog as one caller may see it: full pages of the repositories that he may list.
#pragma once

#include "pkgreg/registry.hpp"

#include "access/rights.hpp"

#include <cstddef>
#include <string_view>

namespace pkgreg::oci {

/// As `Registry::list_repositories`, but for what the caller may not list. What no pattern of a
/// rule could fit is passed over without looking at it; what lies between two entries of a page is
/// read otherwise, a thousand names at a time.
awaitable<NamePage> list_visible(Registry& registry, const access::Rights& rights,
                                 std::string_view last, std::size_t n);

}  // namespace pkgreg::oci
