#include "dcos/docker_archive.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "dcos/archive_handles.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::size_t archive_read_size = 64 * 1024;
/// Of manifest.json and of a configuration; real ones are a thousandth of that.
constexpr std::size_t max_document = std::size_t{4} << 20;
// What an index of the archive costs is bounded by these; an image has at most 127 layers.
constexpr std::size_t max_entries = 10'000;
constexpr std::size_t max_name = 1024;
constexpr std::size_t max_layers = 1'000;
constexpr std::size_t max_links = 8;

constexpr std::string_view config_type = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view layer_type = "application/vnd.docker.image.rootfs.diff.tar";

[[noreturn]] void refuse_archive(const std::string& message) {
    throw Error(ErrorCode::invalid_argument, "not a valid archive of 'docker save': " + message);
}

std::string quoted_path(std::string_view name) {
    return "'" + std::string(name.substr(0, 200)) + "'";
}

/// The path inside the archive that `path` means in `folder`; nothing where it leads out.
std::optional<std::string> inside(std::string_view folder, std::string_view path) {
    if (path.starts_with('/')) return std::nullopt;
    std::vector<std::string_view> parts;
    for (std::string_view rest : {folder, path}) {
        while (!rest.empty()) {
            const std::size_t slash = std::min(rest.find('/'), rest.size());
            const std::string_view part = rest.substr(0, slash);
            rest.remove_prefix(std::min(slash + 1, rest.size()));
            if (part.empty() || part == ".") continue;
            if (part != "..") {
                parts.push_back(part);
            } else if (parts.empty()) {
                return std::nullopt;
            } else {
                parts.pop_back();
            }
        }
    }
    std::string out;
    for (const std::string_view part : parts) {
        if (!out.empty()) out += '/';
        out += part;
    }
    return out;
}

std::string_view folder_of(std::string_view name) {
    const std::size_t slash = name.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : name.substr(0, slash);
}

/// Goes through a tar from front to back. What is not read is skipped without being looked at.
class Walk {
 public:
    explicit Walk(const ArchiveSource& source)
        : source_(source), buffer_(archive_read_size, '\0'), archive_(archive_read_new()) {
        if (!archive_) throw std::bad_alloc();
        check(archive_read_support_format_tar(archive_.get()));
        check(archive_read_set_skip_callback(archive_.get(), &Walk::on_skip));
        check(archive_read_open(archive_.get(), this, nullptr, &Walk::on_read, nullptr));
    }

    bool next() {
        const int result = archive_read_next_header(archive_.get(), &entry_);
        if (result == ARCHIVE_EOF) return false;
        check(result);
        const char* name = archive_entry_pathname(entry_);
        if (!name || std::strlen(name) > max_name)
            refuse_archive("an entry has a name that is no path");
        name_ = name;
        read_ = 0;
        ++index_;
        return true;
    }

    /// Moves on to an entry by its number.
    void skip_to(std::size_t index) {
        while (index_ != index + 1) {
            if (!next()) refuse_archive("it changed while it was read");
        }
    }

    const std::string& name() const { return name_; }
    std::size_t index() const { return index_ - 1; }
    archive_entry* entry() const { return entry_; }
    std::uint64_t size() const { return static_cast<std::uint64_t>(archive_entry_size(entry_)); }

    /// The next piece of the entry; empty at its end.
    std::string_view piece() {
        const void* bytes = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        do {
            const int result = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
            if (result == ARCHIVE_EOF) {
                if (read_ != this->size()) refuse_archive(quoted_path(name_) + " has holes");
                return {};
            }
            check(result);
            // An entry with holes could be far larger than the archive.
            if (static_cast<std::uint64_t>(offset) != read_)
                refuse_archive(quoted_path(name_) + " has holes");
        } while (size == 0);
        read_ += size;
        return {static_cast<const char*>(bytes), size};
    }

    std::string document() {
        if (size() > max_document) refuse_archive(quoted_path(name_) + " has more than 4 MiB");
        std::string text;
        for (std::string_view part = piece(); !part.empty(); part = piece()) text.append(part);
        return text;
    }

 private:
    static la_ssize_t on_read(archive* handle, void* self, const void** bytes) {
        Walk& walk = *static_cast<Walk*>(self);
        try {
            const std::size_t n = walk.source_.read(walk.offset_, walk.buffer_);
            walk.offset_ += n;
            *bytes = walk.buffer_.data();
            return static_cast<la_ssize_t>(n);
        } catch (...) {
            // libarchive is C: the exception goes on once it has returned.
            walk.failure_ = std::current_exception();
            archive_set_error(handle, EIO, "the archive cannot be read");
            return -1;
        }
    }

    static la_int64_t on_skip(archive*, void* self, la_int64_t wanted) {
        Walk& walk = *static_cast<Walk*>(self);
        const std::uint64_t left = walk.source_.size - std::min(walk.offset_, walk.source_.size);
        const std::uint64_t n = std::min(static_cast<std::uint64_t>(wanted), left);
        walk.offset_ += n;
        return static_cast<la_int64_t>(n);
    }

    void check(int result) {
        if (result == ARCHIVE_OK) return;
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        refuse_archive(archive_message(archive_.get()));
    }

    const ArchiveSource source_;
    std::string buffer_;
    std::uint64_t offset_ = 0;
    std::exception_ptr failure_;
    std::string name_;
    std::size_t index_ = 0;   ///< entries so far
    std::uint64_t read_ = 0;  ///< bytes of the current entry
    archive_entry* entry_ = nullptr;
    ArchiveReadPtr archive_;
};

/// Where a link leads, or an empty text for a regular file. Nothing for a folder.
std::optional<std::string> link_target(const Walk& walk, const std::string& name) {
    const char* hard = archive_entry_hardlink(walk.entry());
    const char* soft = archive_entry_symlink(walk.entry());
    const auto type = archive_entry_filetype(walk.entry());
    if (!hard && type == AE_IFDIR) return std::nullopt;
    if (!hard && type == AE_IFREG) return std::string();
    if (!hard && (type != AE_IFLNK || !soft))
        refuse_archive(quoted_path(name) + " is a device or the like");
    const auto target = hard ? inside("", hard) : inside(folder_of(name), soft);
    if (!target || target->empty())
        refuse_archive(quoted_path(name) + " is a link that leads out of it");
    return target;
}

/// How a layer is compressed is told by its first bytes; the list does not say.
std::string layer_type_of(std::string_view head, const std::string& name) {
    if (head.starts_with("\x1f\x8b")) return std::string(layer_type) + ".gzip";
    if (head.starts_with("\x28\xb5\x2f\xfd")) {
        refuse_archive(
            quoted_path(name) +
            " is compressed with zstd, for which Docker's image format has no name; push the "
            "image to a registry and build from there");
    }
    return std::string(layer_type);
}

/// The digest in a name such as `blobs/sha256/<hex>` or `<hex>.json`, which the content must have.
std::optional<Digest> named_digest(std::string_view name) {
    constexpr std::string_view folder = "blobs/sha256/";
    constexpr std::string_view ending = ".json";
    if (name.starts_with(folder)) {
        name.remove_prefix(folder.size());
    } else if (name.ends_with(ending)) {
        name.remove_suffix(ending.size());
    } else {
        return std::nullopt;
    }
    return Digest::try_parse_hex(DigestAlgorithm::sha256, name);
}

/// A tag without what Docker leaves out of it.
std::string_view short_tag(std::string_view tag) {
    for (const std::string_view prefix : {"docker.io/", "library/"}) {
        if (tag.starts_with(prefix)) tag.remove_prefix(prefix.size());
    }
    return tag;
}

}  // namespace

ArchiveSource ArchiveSource::file(UniqueFd fd) {
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        throw Error(ErrorCode::io, "an archive of images must be a file");
    }
    const auto shared = std::make_shared<const UniqueFd>(std::move(fd));
    return {static_cast<std::uint64_t>(status.st_size),
            [shared](std::uint64_t offset, std::span<char> into) {
                while (true) {
                    const ssize_t n = ::pread(shared->get(), into.data(), into.size(),
                                              static_cast<off_t>(offset));
                    if (n >= 0) return static_cast<std::size_t>(n);
                    if (errno != EINTR) {
                        throw Error(ErrorCode::io, std::string("an archive of images cannot be "
                                                               "read: ") +
                                                       std::strerror(errno));
                    }
                }
            }};
}

/// One image in manifest.json.
struct DockerArchive::Listed {
    std::string config = {};
    std::vector<std::string> tags = {};
    std::vector<std::string> layers = {};
};

/// What is known of an entry once it was read.
struct DockerArchive::Content {
    Digest digest;
    std::uint64_t size = 0;
    std::string type = {};  ///< of a layer
    std::string text = {};  ///< of a configuration
};

DockerArchive::DockerArchive(ArchiveSource source) : source_(std::move(source)) {
    Walk walk(source_);
    while (walk.next()) {
        if (walk.index() == max_entries) refuse_archive("it has more than 10,000 entries");
        const auto name = inside("", walk.name());
        if (!name) refuse_archive(quoted_path(walk.name()) + " leads out of it");
        auto target = link_target(walk, *name);
        if (!target) continue;
        const bool is_list = *name == "manifest.json" && target->empty();
        if (!entries_.try_emplace(*name, Entry{walk.index(), *std::move(target)}).second) {
            refuse_archive(quoted_path(*name) + " is there twice");
        }
        if (is_list) list_ = walk.document();
    }
    if (list_.empty()) refuse_archive("manifest.json is missing");
}

/// The number of the file that a name leads to, over links if need be.
std::size_t DockerArchive::find(std::string_view name) const {
    const auto path = inside("", name);
    auto found = path ? entries_.find(*path) : entries_.end();
    for (std::size_t links = 0; found != entries_.end() && links <= max_links; ++links) {
        if (found->second.target.empty()) return found->second.index;
        found = entries_.find(found->second.target);
    }
    refuse_archive(quoted_path(name) + " is missing");
}

std::vector<DockerArchive::Listed> DockerArchive::list() const {
    const JsonText document("{\"images\":" + list_ + "}");
    const auto images = document.root().find("images", JsonKind::array);
    if (!images) refuse_archive("manifest.json must be a list of images");
    const auto texts = [](JsonNode image, std::string_view key) {
        std::vector<std::string> out;
        const auto values = image.find(key, JsonKind::array);
        if (!values) return out;
        for (const JsonNode value : values->children()) {
            if (!value.is(JsonKind::string))
                refuse_archive(std::string(key) + " must be a list of names");
            out.emplace_back(value.string());
        }
        return out;
    };
    std::vector<Listed> out;
    for (const JsonNode image : images->children()) {
        const auto config = image.find("Config", JsonKind::string);
        if (!config) refuse_archive("an image in manifest.json has no Config");
        out.push_back(
            {std::string(config->string()), texts(image, "RepoTags"), texts(image, "Layers")});
    }
    if (out.empty()) refuse_archive("it has no image");
    return out;
}

DockerArchive::Listed DockerArchive::choose(std::string_view name) const {
    std::vector<Listed> images = list();
    if (name.empty() && images.size() == 1) return std::move(images.front());
    const auto digest = Digest::try_parse(name);
    std::string known;
    for (Listed& image : images) {
        const auto has_name = [&](const std::string& tag) {
            known.append(known.empty() ? "" : ", ").append(tag.substr(0, 200));
            return short_tag(tag) == short_tag(name);
        };
        if (std::any_of(image.tags.begin(), image.tags.end(), has_name) ||
            (digest && named_digest(image.config) == digest)) {
            return std::move(image);
        }
        if (known.size() > 2000) break;
    }
    throw Error(ErrorCode::invalid_argument,
                (name.empty() ? std::string("the archive has several images, one must be named")
                              : "the archive has no image " + quoted_path(name)) +
                    "; it has: " + known);
}

bool DockerArchive::has_one_image() const {
    return list().size() == 1;
}

/// Reads everything that an image consists of.
std::map<std::size_t, DockerArchive::Content> DockerArchive::hash(const Listed& image) const {
    const std::size_t config = find(image.config);
    std::map<std::size_t, std::vector<std::string_view>> wanted;
    wanted[config].push_back(image.config);
    for (const std::string& layer : image.layers) wanted[find(layer)].push_back(layer);
    std::map<std::size_t, Content> contents;
    Walk walk(source_);
    for (const auto& [index, names] : wanted) {
        walk.skip_to(index);
        Hasher hasher(DigestAlgorithm::sha256);
        std::string text;
        std::string type;
        if (index == config) {
            text = walk.document();
            hasher.update(text);
        } else {
            for (std::string_view part = walk.piece(); !part.empty(); part = walk.piece()) {
                if (hasher.size() == 0) type = layer_type_of(part, walk.name());
                hasher.update(part);
            }
        }
        for (const std::string_view name : names) {
            const auto expected = named_digest(name);
            if (expected && *expected != hasher.digest()) {
                throw Error(ErrorCode::digest_invalid, quoted_path(name) +
                                                           " in the archive has the digest " +
                                                           hasher.digest().to_string());
            }
        }
        contents.emplace(index,
                         Content{hasher.digest(), hasher.size(), std::move(type), std::move(text)});
    }
    return contents;
}

namespace {

void append_descriptor(std::string& json, std::string_view type, const DockerImage::Blob& blob) {
    json.append("{\"mediaType\":\"").append(type);
    json.append("\",\"size\":").append(std::to_string(blob.size));
    json.append(",\"digest\":\"").append(blob.digest.to_string()).append("\"}");
}

/// The digests of the uncompressed layers that a configuration speaks of.
std::vector<std::optional<Digest>> layers_of(const std::string& config) {
    const JsonText document{std::string(config)};
    const auto rootfs = document.root().find("rootfs", JsonKind::object);
    const auto layers = rootfs ? rootfs->find("diff_ids", JsonKind::array) : std::nullopt;
    if (!layers) refuse_archive("the configuration of an image has no rootfs.diff_ids");
    std::vector<std::optional<Digest>> out;
    for (const JsonNode layer : layers->children()) {
        out.push_back(layer.is(JsonKind::string) ? Digest::try_parse(layer.string())
                                                 : std::nullopt);
    }
    return out;
}

}  // namespace

DockerImage DockerArchive::image(std::string_view name) const {
    const Listed listed = choose(name);
    if (listed.layers.size() > max_layers) refuse_archive("an image has more than 1,000 layers");
    const std::map<std::size_t, Content> contents = hash(listed);
    const std::size_t config_index = find(listed.config);
    const Content& config = contents.at(config_index);
    const std::vector<std::optional<Digest>> expected = layers_of(config.text);
    if (expected.size() != listed.layers.size()) {
        refuse_archive("the configuration of an image speaks of other layers than manifest.json");
    }
    std::vector<DockerImage::Blob> blobs{{config.digest, config.size, config_index}};
    std::string manifest = "{\"schemaVersion\":2,\"mediaType\":\"" +
                           std::string(media_types::docker_manifest) + "\",\"config\":";
    append_descriptor(manifest, config_type, blobs.front());
    manifest += ",\"layers\":[";
    for (std::size_t i = 0; i < listed.layers.size(); ++i) {
        const std::size_t index = find(listed.layers[i]);
        const Content& layer = contents.at(index);
        if (layer.type.empty()) refuse_archive(quoted_path(listed.layers[i]) + " is no layer");
        if (layer.type == layer_type && expected[i] != layer.digest) {
            throw Error(ErrorCode::digest_invalid,
                        quoted_path(listed.layers[i]) +
                            " is another layer than the configuration of "
                            "its image speaks of");
        }
        blobs.push_back({layer.digest, layer.size, index});
        if (i != 0) manifest += ',';
        append_descriptor(manifest, layer.type, blobs.back());
    }
    manifest += "]}";
    Descriptor descriptor{MediaType::parse(media_types::docker_manifest),
                          Hasher::hash(DigestAlgorithm::sha256, manifest), manifest.size()};
    return {std::move(manifest), std::move(descriptor), std::move(blobs)};
}

ByteReader DockerArchive::open(const DockerImage::Blob& blob) const {
    const auto walk = std::make_shared<Walk>(source_);
    walk->skip_to(blob.entry);
    return [walk, rest = std::string_view()](std::span<char> into) mutable {
        if (rest.empty()) rest = walk->piece();
        const std::size_t n = std::min(rest.size(), into.size());
        std::copy_n(rest.begin(), n, into.begin());
        rest.remove_prefix(n);
        return n;
    };
}

}  // namespace pkgreg
