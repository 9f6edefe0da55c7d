// Archives that `docker save` writes, read as images: a tar with the layers and configurations of
// images, and a `manifest.json` that tells which is which. Both forms are read: a folder for each
// layer (`<id>/layer.tar`, links where images share one), and since Docker 25 an OCI layout
// (`blobs/sha256/<hex>`). Such an archive lies in a file: its list may stand behind what it lists,
// so it takes more than one look.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/descriptor.hpp"
#include "pkgreg/digest.hpp"

#include "base/unique_fd.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Bytes that can be read from any place, as often as one wants.
struct ArchiveSource {
    std::uint64_t size = 0;
    /// Reads at most `into.size()` bytes from `offset`; 0 at the end. May throw.
    std::function<std::size_t(std::uint64_t offset, std::span<char> into)> read = {};

    /// An open file. Throws `io` where it is not a regular one.
    static ArchiveSource file(UniqueFd fd);
};

/// An image of an archive: what a registry would serve for it.
struct DockerImage {
    /// Docker's schema 2, made from the archive's list; the same archive makes the same text.
    std::string manifest;
    Descriptor descriptor;  ///< of the manifest

    /// A configuration or layer, as it is in the archive.
    struct Blob {
        Digest digest;
        std::uint64_t size = 0;
        std::size_t entry = 0;  ///< which entry of the archive
    };
    /// The configuration, then the layers from the lowest up.
    std::vector<Blob> blobs;
};

class DockerArchive {
 public:
    /// Reads the archive's directory. Throws `invalid_argument` for what is no such archive, or one
    /// that names things outside itself.
    explicit DockerArchive(ArchiveSource source);

    bool has_one_image() const;

    /// Makes an image of the archive; this reads its layers, to hash them. Throws
    /// `invalid_argument`, or `digest_invalid` where content is not what its name or the
    /// configuration says.
    ///
    /// @param name a tag, such as `hello:1.0`, or the digest of the configuration; of an archive
    ///             with one image also an empty text
    DockerImage image(std::string_view name) const;

    /// The content of a blob of an image.
    ByteReader open(const DockerImage::Blob& blob) const;

 private:
    struct Entry {
        std::size_t index = 0;
        std::string target = {};  ///< what a link leads to; empty for a file
    };
    struct Listed;
    struct Content;

    std::vector<Listed> list() const;
    Listed choose(std::string_view name) const;
    std::size_t find(std::string_view name) const;
    std::map<std::size_t, Content> hash(const Listed& image) const;

    ArchiveSource source_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::string list_;  ///< `manifest.json`
};

}  // namespace pkgreg
