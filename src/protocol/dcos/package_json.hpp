// How a package is written in JSON, for every face of the registry that shows one.
#pragma once

#include "pkgreg/packages.hpp"

#include <string>
#include <string_view>

namespace pkgreg::dcos {

/// Appends an item to the inside of an array.
void append_item(std::string& array, std::string_view item);

/// `"name":…,"version":…`
std::string coordinate_members(const PackageCoordinate& coordinate);

/// `"resources":[…],"images":[…]`: what the registry holds for the package.
std::string content_members(const PackageInfo& package);

}  // namespace pkgreg::dcos
