#include "dcos/spooled_archives.hpp"

#include "pkgreg/error.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <stdlib.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pkgreg {
namespace {

/// What the directories of that many archives take is bounded; a package has a few images.
constexpr std::size_t max_archives = 64;

[[noreturn]] void fail(const std::string& folder) {
    const bool full = errno == ENOSPC || errno == EDQUOT;
    throw Error(full ? ErrorCode::no_space : ErrorCode::io,
                "an archive of images cannot be kept in " + folder + ": " + std::strerror(errno) +
                    "; TMPDIR names another folder");
}

}  // namespace

SpooledFile::SpooledFile() : hasher_(DigestAlgorithm::sha256) {
    std::error_code error;
    folder_ = std::filesystem::temp_directory_path(error).string();
    if (error) folder_ = "/tmp";
    fd_ = UniqueFd(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd_) return;
    // Not every file system has files without names.
    std::string name = folder_ + "/pkgreg-XXXXXX";
    fd_ = UniqueFd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd_) fail(folder_);
    ::unlink(name.c_str());
}

void SpooledFile::write(std::string_view bytes) {
    hasher_.update(bytes);
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail(folder_);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

ArchiveSource SpooledFile::source() && {
    return ArchiveSource::file(std::move(fd_));
}

SpooledArchives::SpooledArchives(const std::vector<ArchivedImage>& images) : announced_(images) {
    for (const ArchivedImage& image : announced_) {
        const std::string entry = "images/docker/" + image.archive.hex() + ".tar";
        const auto [known, added] = missing_.try_emplace(entry, image);
        if (!added && known->second.size != image.size) {
            throw Error(ErrorCode::invalid_argument,
                        "bundle.json: " + entry + " is announced twice, with another size");
        }
    }
    if (missing_.size() > max_archives) {
        throw Error(ErrorCode::invalid_argument, "bundle.json: there are more than 64 archives");
    }
}

std::optional<std::uint64_t> SpooledArchives::wanted(std::string_view entry) const {
    const auto found = missing_.find(entry);
    return found == missing_.end() ? std::nullopt : std::optional(found->second.size);
}

void SpooledArchives::take(std::string_view entry, SpooledFile file) {
    const auto found = missing_.find(entry);
    const Digest digest = found->second.archive;
    if (file.digest() != digest) {
        throw Error(ErrorCode::digest_invalid, "the content of '" + std::string(entry) +
                                                   "' in the bundle has the digest " +
                                                   file.digest().to_string());
    }
    missing_.erase(found);
    const DockerArchive& archive =
        archives_.try_emplace(digest, std::move(file).source()).first->second;
    for (const ArchivedImage& image : announced_) {
        if (image.archive != digest) continue;
        images_.push_back({image.position, archive.image(image.name), &archive});
    }
}

void SpooledArchives::complete(BundleContents& contents) const {
    for (const Image& image : images_) {
        contents.images.at(image.position).manifest = image.image.descriptor;
    }
}

}  // namespace pkgreg
