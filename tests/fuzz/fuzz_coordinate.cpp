// Package coordinates, release versions and what requests for a repository say, from arbitrary
// text: whatever reads as one thing is written back as the same text.
#include "pkgreg/dcos/coordinate.hpp"
#include "pkgreg/dcos/release_version.hpp"
#include "pkgreg/dcos/universe.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto coordinate = PackageCoordinate::try_decode(text)) {
        require(coordinate->encoded() == text);
        require(PackageCoordinate::try_parse_json(coordinate->json()) == coordinate);
    }
    if (const auto coordinate = PackageCoordinate::try_parse_json(text)) {
        require(coordinate->json() == text);
        require(PackageCoordinate::try_decode(coordinate->encoded()) == coordinate);
    }
    if (const auto release = ReleaseVersion::try_parse(text)) {
        require(release->str() == text);
        require(release->major_minor() <= *release);
        require(ReleaseVersion::from_user_agent("dcos/" + release->str()) == release);
    }
    negotiate_repository(text, text);
    choose_coding(text);
    return 0;
}
