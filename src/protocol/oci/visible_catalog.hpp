// The catalog as one caller may see it: pages of the repositories that he may list.
#pragma once

#include "pkgreg/registry.hpp"

#include "access/rights.hpp"

#include <cstddef>
#include <functional>
#include <string_view>

namespace pkgreg::oci {

/// How many names are looked at for one request; a few milliseconds.
inline constexpr std::size_t names_of_a_request = 10'000;

/// As `Registry::list_repositories`, but for what the caller may not list. What no pattern of a
/// rule could fit is passed over without looking at it; what lies between two entries of a page is
/// read otherwise, a thousand names at a time, and others run in between.
///
/// After `names_of_a_request` a page ends early, if there is anything in it: what a client goes on
/// from must be a name that it may see. Otherwise the search goes on, and `costs_another` is called
/// for each further so many names.
awaitable<NamePage> list_visible(Registry& registry, const access::Rights& rights,
                                 std::string_view last, std::size_t n,
                                 const std::function<void()>& costs_another);

}  // namespace pkgreg::oci
