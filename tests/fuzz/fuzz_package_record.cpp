// Records of packages from arbitrary bytes: refused as damaged, or read; never anything outside of
// them. The header alone is arbitrary too, in front of a package that is valid.
#include "pkgreg/error.hpp"

#include "registry/layout.hpp"
#include "registry/packages/record.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

const PackageMetadata& metadata() {
    static const PackageMetadata parsed = PackageMetadata::parse(
        R"({"packagingVersion":"4.0","name":"hello","version":"1.0","maintainer":"m",)"
        R"("description":"d","tags":[],"resource":{"assets":{"uris":{"jar":"https://x/jar"}}}})");
    return parsed;
}

void check(std::string record) {
    const ObjectKey key(layout::package_prefix(metadata().coordinate()) + "id");
    try {
        const auto package =
            decode_record(key, std::make_shared<const std::string>(std::move(record)));
        require(package->universe.coordinate() == metadata().coordinate());
        // What was read can be compared with any package, and names its paths.
        describe_differences(*package, PackageDraft(UniverseRevision{metadata()}));
        for (const PackageResource& resource : package->resources) {
            require(resource_path(metadata().coordinate(), resource).starts_with("/resource/"));
        }
    } catch (const Error& error) {
        require(error.code() == ErrorCode::corrupt || error.code() == ErrorCode::incompatible);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    const UniversePackage valid(metadata(), 1, true, {});
    check(bytes);
    check(bytes + "\n" + std::string(valid.record()));
    check("{\"format\":1,\"content\":\"sha256:" + std::string(64, 'a') +
          "\",\"selected\":null,\"resources\":[],\"images\":[]}\npkgreg package 1\n" + bytes);
    return 0;
}
