// The packages of a repository document, in their order, with the address they are shown under.
#pragma once

#include "pkgreg/dcos/universe.hpp"

#include "dcos/universe_package.hpp"

#include <cstdint>
#include <vector>

namespace pkgreg {

inline constexpr std::string_view repository_head = R"({"packages":[)";
inline constexpr std::string_view repository_tail = "]}";

struct RepositoryText::State {
    std::vector<UniversePackage> packages;
    PackageVariant variant = PackageVariant::as_it_is;
    RegistryAddress address;
    std::uint64_t size = 0;  ///< of the text

    State(std::vector<UniversePackage> listed, PackageVariant as, RegistryAddress at);

    const SegmentList& list(std::size_t index) const noexcept {
        return packages[index].state().list(variant);
    }
};

}  // namespace pkgreg
