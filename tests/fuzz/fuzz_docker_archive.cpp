// Archives of `docker save` from arbitrary bytes: refused, or an image whose blobs are what its
// manifest says.
#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/docker_archive.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace pkgreg;

void require(bool holds) {
    if (!holds) std::abort();
}

void check_blob(const DockerArchive& archive, const DockerImage::Blob& blob) {
    Hasher hasher(DigestAlgorithm::sha256);
    const ByteReader content = archive.open(blob);
    std::string buffer(4096, '\0');
    while (const std::size_t n = content(buffer)) hasher.update({buffer.data(), n});
    require(hasher.size() == blob.size && hasher.digest() == blob.digest);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const ArchiveSource source{size, [text](std::uint64_t offset, std::span<char> into) {
                                   const std::string_view rest =
                                       text.substr(std::min<std::size_t>(offset, text.size()));
                                   const std::size_t n = std::min(rest.size(), into.size());
                                   std::copy_n(rest.begin(), n, into.begin());
                                   return n;
                               }};
    try {
        const DockerArchive archive(source);
        const DockerImage image = archive.image("");
        std::uint64_t total = 0;
        for (const DockerImage::Blob& blob : image.blobs) {
            // Each is a part of the archive: nothing expands.
            require(blob.size <= size);
            total += blob.size;
            if (total <= 4 * size) check_blob(archive, blob);
            require(image.manifest.find(blob.digest.to_string()) != std::string::npos);
        }
    } catch (const Error& error) {
        require(!error.message().empty());
    }
    return 0;
}
