// Manifests from arbitrary bytes: refused with a message, or read; what is read names valid things,
// and its descriptor in a list of referrers is JSON.
#include "pkgreg/error.hpp"

#include "registry/manifest_document.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

void check(std::string_view bytes, const std::optional<MediaType>& type) {
    try {
        const ManifestDocument document = ManifestDocument::parse(bytes, type);
        const Digest digest = Digest::parse("sha256:" + std::string(64, 'a'));
        const std::string shown = referrer_descriptor(digest, bytes.size(), document);
        simdjson::dom::parser parser;
        simdjson::dom::element read;
        require(parser.parse(shown).get(read) == simdjson::SUCCESS);
        std::string_view media_type;
        require(read["mediaType"].get(media_type) == simdjson::SUCCESS);
        require(document.media_type == media_type);
    } catch (const Error& error) {
        require(error.code() == ErrorCode::manifest_invalid);
        require(!error.message().empty());
    }
}

/// A manifest with a part replaced by the input: bytes alone rarely get past the first brace.
std::string spliced(std::string_view input) {
    const std::string digest = "sha256:" + std::string(64, 'a');
    const std::string descriptor = R"({"mediaType":"a/b","digest":")" + digest +
                                   R"(","size":1,"urls":["x"],"artifactType":"c/d"})";
    const std::string image =
        "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(media_types::oci_manifest) +
        "\",\"config\":" + descriptor + ",\"layers\":[" + descriptor +
        "],\"subject\":" + descriptor + R"(,"artifactType":"e/f","annotations":{"k":"v"}})";
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
    const std::size_t at = (byte(0) * 256u + byte(1)) % image.size();
    return image.substr(0, at) + std::string(input.substr(3)) +
           image.substr(std::min(image.size(), at + byte(2) % 64));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes, std::nullopt);
    check(bytes, MediaType::parse(media_types::oci_manifest));
    check(bytes, MediaType::parse(media_types::oci_index));
    if (size >= 3) check(spliced(bytes), std::nullopt);
    return 0;
}
