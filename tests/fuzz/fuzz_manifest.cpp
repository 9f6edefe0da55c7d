// Manifests from arbitrary bytes: refused with a message, or read; what is read names valid things,
// and its descriptor in a list of referrers is JSON.
#include "pkgreg/error.hpp"

#include "registry/manifest_document.hpp"

#include <simdjson.h>

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(bytes, std::nullopt);
    check(bytes, MediaType::parse(media_types::oci_manifest));
    check(bytes, MediaType::parse(media_types::oci_index));
    return 0;
}
