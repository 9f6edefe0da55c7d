// The `docker save` archives of a bundle that is being read: kept in files without names until
// their images are known, since their lists may stand behind what they list.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/digest.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/bundle_ledger.hpp"
#include "dcos/docker_archive.hpp"
#include "base/unique_fd.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// A file without a name in the folder for temporary files.
class SpooledFile {
 public:
    /// Throws `io`.
    SpooledFile();
    /// Throws `io` and `no_space`.
    void write(std::string_view bytes);
    /// What was written.
    ArchiveSource source() &&;

    std::uint64_t size() const noexcept { return hasher_.size(); }
    Digest digest() const noexcept { return hasher_.digest(); }

 private:
    std::string folder_;
    UniqueFd fd_;
    Hasher hasher_;
};

class SpooledArchives {
 public:
    explicit SpooledArchives(const std::vector<ArchivedImage>& images);

    /// How large the archive of that entry must be; nothing where none is wanted under this name.
    std::optional<std::uint64_t> wanted(std::string_view entry) const;
    /// Whether there are archives that did not come yet.
    bool waiting() const noexcept { return !missing_.empty(); }
    /// Takes an archive that was wanted. Throws what `DockerArchive` throws, and `digest_invalid`.
    void take(std::string_view entry, SpooledFile file);

    /// Once no archive is waited for: sets the manifests of the images.
    void complete(BundleContents& contents) const;
    /// The images, each with its archive.
    struct Image {
        std::size_t position;
        DockerImage image;
        const DockerArchive* archive;
    };
    const std::vector<Image>& images() const noexcept { return images_; }

 private:
    std::vector<ArchivedImage> announced_;
    std::map<std::string, ArchivedImage, std::less<>> missing_;  ///< by the entry's name
    std::map<Digest, DockerArchive> archives_;
    std::vector<Image> images_;
};

}  // namespace pkgreg
