#include "cli/build/image_archives.hpp"

#include "pkgreg/error.hpp"

#include "base/unique_fd.hpp"
#include "dcos/docker_archive.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <span>
#include <utility>

namespace pkgreg::cli {
namespace {

/// An archive whose reading, which may take a while, ends when the program is asked to end.
ArchiveSource open_archive(const std::filesystem::path& path, const Interruption& interruption) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        throw Error(ErrorCode::io, "cannot open " + path.string() + ": " + std::strerror(errno));
    }
    ArchiveSource source = ArchiveSource::file(std::move(fd));
    source.read = [read = std::move(source.read), &interruption](std::uint64_t offset,
                                                                 std::span<char> into) {
        interruption.check();
        return read(offset, into);
    };
    return source;
}

}  // namespace

void ImageArchives::add(const WorkQueue::Subject& subject, const Asset& asset) {
    // A deque's elements stay where they are.
    Use& use = uses_.emplace_back(Use{asset});
    queue_.add(subject, [this, &use](Fetcher& fetcher) { read(fetcher, use); });
}

void ImageArchives::check_names(const PackageMetadata& metadata,
                                std::vector<Problem>& problems) const {
    const std::vector<Asset> assets = metadata.assets();
    for (const auto& [name, file] : files_) {
        const bool known = std::any_of(assets.begin(), assets.end(), [&](const Asset& asset) {
            return asset.kind == AssetKind::docker && asset.name == name;
        });
        if (known) continue;
        problems.push_back(
            {"", "resource.assets.container.docker",
             "has no image '" + name + "' for which " + file.string() + " could be taken"});
    }
}

void ImageArchives::read(Fetcher& fetcher, Use& use) {
    const std::filesystem::path& file = files_.at(use.asset.name);
    announce_(file.string());
    const auto archive =
        std::make_shared<const DockerArchive>(open_archive(file, *fetcher.settings().interruption));
    DockerImage image = archive->image(archive->has_one_image() ? "" : use.asset.value);
    use.manifest = image.descriptor;
    for (const DockerImage::Blob& blob : image.blobs) {
        pool_.add(blob.digest, [archive, blob] { return archive->open(blob); });
    }
    pool_.add(image.descriptor.digest, [text = std::move(image.manifest)] {
        return [text, at = std::size_t{0}](std::span<char> into) mutable {
            const std::size_t n = text.copy(into.data(), into.size(), at);
            at += n;
            return n;
        };
    });
}

std::vector<BundleImage> ImageArchives::images() const {
    std::vector<BundleImage> images;
    for (const Use& use : uses_) images.push_back({use.asset.path, *use.manifest});
    return images;
}

}  // namespace pkgreg::cli
