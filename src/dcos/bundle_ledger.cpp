#include "dcos/bundle_ledger.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/hasher.hpp"

#include "base/json_text.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace pkgreg {
namespace {

/// More blobs than any image has, and few enough to be remembered.
constexpr std::size_t max_blobs = 100'000;
constexpr std::string_view bundle_format = "1";

[[noreturn]] void refuse(const std::string& where, const std::string& message) {
    throw Error(ErrorCode::invalid_argument, where + ": " + message);
}

bool is_index(std::string_view type) noexcept {
    return type == media_types::oci_index || type == media_types::docker_list;
}
bool is_image(std::string_view type) noexcept {
    return type == media_types::oci_manifest || type == media_types::docker_manifest;
}

/// The members of an object, each of which must be there; no others may be.
class Fields {
 public:
    Fields(JsonNode object, std::string where, std::initializer_list<std::string_view> names)
        : object_(object), where_(std::move(where)) {
        if (!object.is(JsonKind::object)) refuse(where_, "must be an object");
        std::set<std::string_view> seen;
        for (const JsonNode member : object.children()) {
            const bool known = std::find(names.begin(), names.end(), member.key()) != names.end();
            const std::string name(member.key().substr(0, 80));
            if (!known) refuse(where_, "there is no field '" + name + "' here");
            if (!seen.insert(member.key()).second) refuse(where_, "'" + name + "' is there twice");
        }
    }

    JsonNode get(std::string_view name, JsonKind kind) const {
        const auto value = object_.find(name);
        if (!value || !value->is(kind)) {
            refuse(where_, std::string(name) + " must be " + std::string(with_article(kind)));
        }
        return *value;
    }
    std::string text(std::string_view name) const {
        return std::string(get(name, JsonKind::string).string());
    }
    std::uint64_t size() const {
        const auto number = whole_number(get("size", JsonKind::number).raw());
        if (!number) refuse(where_, "size must be a number of bytes");
        return *number;
    }
    Digest digest(std::string_view name = "digest") const {
        const auto digest = Digest::try_parse(get(name, JsonKind::string).string());
        if (!digest) refuse(where_, std::string(name) + " must be a sha256 or sha512 digest");
        return *digest;
    }

 private:
    JsonNode object_;
    std::string where_;
};

std::string at(std::string_view list, std::size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
}

/// A descriptor inside a manifest, whose other fields do not matter here.
struct BundleReference {
    std::string media_type;
    Digest digest;
    std::uint64_t size;
    bool elsewhere;  ///< has `urls`
};

BundleReference read_reference(JsonNode node, const std::string& where) {
    const auto type = node.find("mediaType", JsonKind::string);
    const auto digest_text = node.find("digest", JsonKind::string);
    const auto size = node.find("size", JsonKind::number);
    const auto digest = digest_text ? Digest::try_parse(digest_text->string()) : std::nullopt;
    const auto bytes = size ? whole_number(size->raw()) : std::nullopt;
    if (!type || !digest || !bytes) {
        refuse(where, "must be a descriptor with mediaType, digest and size");
    }
    const auto urls = node.find("urls", JsonKind::array);
    return {std::string(type->string()), *digest, *bytes, urls && urls->has_children()};
}

bool is_file_name(std::string_view name) noexcept {
    if (name.empty() || name.size() > 255 || name == "." || name == "..") return false;
    return std::none_of(name.begin(), name.end(), [](char c) {
        return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
}

bool same_hex(std::string_view a, std::string_view lower) noexcept {
    return std::equal(a.begin(), a.end(), lower.begin(), lower.end(), [](char x, char y) {
        return (x >= 'A' && x <= 'F' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

void check_resource(const BundleResource& resource, const Asset& asset) {
    if (asset.kind == AssetKind::docker) refuse(resource.asset, "is an image, not a resource");
    if (resource.digest.algorithm() != DigestAlgorithm::sha256) {
        refuse(resource.asset, "a resource has a sha256 digest");
    }
    if (!is_file_name(resource.file)) {
        refuse(resource.asset, "'" + resource.file.substr(0, 80) + "' is not a file name");
    }
    if (asset.kind != AssetKind::cli_binary) return;
    const std::string hex = resource.digest.hex();
    const bool matches = std::any_of(asset.sha256.begin(), asset.sha256.end(),
                                     [&](const std::string& hash) { return same_hex(hash, hex); });
    if (!matches) refuse(resource.asset, "the digest is none of the contentHash of this file");
}

/// One of the images of `bundle.json`.
void read_image(JsonNode node, BundleIndex& index) {
    std::vector<BundleImage>& images = index.contents.images;
    const std::string where = at("bundle.json: images", images.size());
    if (node.find("archive")) {
        const Fields image(node, where, {"asset", "archive", "size", "image"});
        const Digest archive = image.digest("archive");
        if (archive.algorithm() != DigestAlgorithm::sha256) {
            refuse(where, "an archive has a sha256 digest");
        }
        index.archived.push_back({images.size(), archive, image.size(), image.text("image")});
        images.push_back(
            {image.text("asset"),
             Descriptor{MediaType::parse(media_types::docker_manifest), archive, image.size()}});
        return;
    }
    const Fields image(node, where, {"asset", "mediaType", "digest", "size"});
    auto type = MediaType::try_parse(image.text("mediaType"));
    if (!type) refuse(where, "mediaType must be a media type");
    images.push_back(
        {image.text("asset"), Descriptor{*std::move(type), image.digest(), image.size()}});
}

void check_image(const BundleImage& image, const Asset& asset) {
    if (asset.kind != AssetKind::docker) refuse(image.asset, "is a resource, not an image");
    const std::string& type = image.manifest.media_type.str();
    if (!is_image(type) && !is_index(type)) {
        refuse(image.asset, "'" + type + "' is not the type of an image or an image index");
    }
}

}  // namespace

std::string bundle_index_json(const BundleContents& contents) {
    std::string json = "{\"formatVersion\":" + std::string(bundle_format) + ",\"metadata\":\"" +
                       Hasher::hash(DigestAlgorithm::sha256, contents.metadata.text()).to_string() +
                       "\",\n\"resources\":[";
    std::string_view comma = "\n";
    for (const BundleResource& resource : contents.resources) {
        json.append(comma).append("{\"asset\":").append(json_string(resource.asset));
        json.append(",\"digest\":\"").append(resource.digest.to_string());
        json.append("\",\"size\":").append(std::to_string(resource.size));
        json.append(",\"file\":").append(json_string(resource.file)).append("}");
        comma = ",\n";
    }
    json.append("],\n\"images\":[");
    comma = "\n";
    for (const BundleImage& image : contents.images) {
        json.append(comma).append("{\"asset\":").append(json_string(image.asset));
        json.append(",\"mediaType\":\"").append(image.manifest.media_type.str());
        json.append("\",\"digest\":\"").append(image.manifest.digest.to_string());
        json.append("\",\"size\":").append(std::to_string(image.manifest.size)).append("}");
        comma = ",\n";
    }
    return json.append("]}\n");
}

BundleIndex read_bundle_index(PackageMetadata metadata, std::string_view json) {
    const JsonText document{std::string(json)};
    const Fields fields(document.root(), "bundle.json",
                        {"formatVersion", "metadata", "resources", "images"});
    const std::string_view version = fields.get("formatVersion", JsonKind::number).raw();
    if (version != bundle_format) {
        refuse("bundle.json", "the bundle has format version " + std::string(version) +
                                  "; this program reads version 1");
    }
    if (Digest::try_parse(fields.text("metadata")) !=
        Hasher::hash(DigestAlgorithm::sha256, metadata.text())) {
        refuse("bundle.json", "metadata is not the digest of metadata.json");
    }
    BundleIndex index{BundleContents{std::move(metadata)}};
    std::size_t i = 0;
    for (const JsonNode node : fields.get("resources", JsonKind::array).children()) {
        const Fields resource(node, at("bundle.json: resources", i++),
                              {"asset", "digest", "size", "file"});
        index.contents.resources.push_back(
            {resource.text("asset"), resource.digest(), resource.size(), resource.text("file")});
    }
    for (const JsonNode node : fields.get("images", JsonKind::array).children()) {
        read_image(node, index);
    }
    check_bundle_contents(index.contents);
    return index;
}

void check_bundle_contents(const BundleContents& contents) {
    std::map<std::string, Asset> assets;
    for (Asset& asset : contents.metadata.assets()) {
        std::string path = asset.path;
        assets.emplace(std::move(path), std::move(asset));
    }
    // Each asset is taken once.
    const auto take = [&](const std::string& path) {
        auto found = assets.extract(path);
        if (found.empty()) {
            refuse(path.substr(0, 200), "is not an asset of the package, or is there twice");
        }
        return std::move(found.mapped());
    };
    for (const BundleResource& resource : contents.resources) {
        check_resource(resource, take(resource.asset));
    }
    for (const BundleImage& image : contents.images) check_image(image, take(image.asset));
}

std::string bundle_images_json(const BundleContents& contents) {
    std::string json = "{\"schemaVersion\":2,\"mediaType\":\"" +
                       std::string(media_types::oci_index) + "\",\"manifests\":[";
    std::set<Digest> seen;
    for (const BundleImage& image : contents.images) {
        if (!seen.insert(image.manifest.digest).second) continue;
        json.append(seen.size() == 1 ? "\n" : ",\n");
        json.append("{\"mediaType\":\"").append(image.manifest.media_type.str());
        json.append("\",\"digest\":\"").append(image.manifest.digest.to_string());
        json.append("\",\"size\":").append(std::to_string(image.manifest.size)).append("}");
    }
    return json.append("]}\n");
}

void check_bundle_images(const std::set<Digest>& expected, std::string_view json) {
    const JsonText document{std::string(json)};
    const auto manifests = document.root().find("manifests", JsonKind::array);
    if (!manifests) refuse("images/index.json", "manifests is missing");
    std::set<Digest> found;
    std::size_t i = 0;
    for (const JsonNode node : manifests->children()) {
        found.insert(read_reference(node, at("images/index.json: manifests", i++)).digest);
    }
    if (found != expected) refuse("images/index.json", "lists other images than bundle.json");
}

BundleLedger::BundleLedger(const BundleContents& contents) {
    for (const BundleResource& resource : contents.resources) {
        announce({BundleBlob::Kind::resource, resource.digest, resource.size}, true);
    }
    for (const BundleImage& image : contents.images) {
        announce({BundleBlob::Kind::manifest, image.manifest.digest, image.manifest.size,
                  image.manifest.media_type.str()},
                 true);
    }
}

const BundleBlob* BundleLedger::next() {
    while (next_ < items_.size() && (items_[next_].complete || !items_[next_].required)) ++next_;
    return next_ < items_.size() ? &items_[next_].blob : nullptr;
}

const BundleBlob* BundleLedger::find(bool resource, const Digest& digest) const {
    const auto found = by_digest_.find({resource, digest});
    return found == by_digest_.end() || found->second->complete ? nullptr : &found->second->blob;
}

void BundleLedger::complete(const BundleBlob& blob, std::string_view content) {
    const bool resource = blob.kind == BundleBlob::Kind::resource;
    Item& item = *by_digest_.at({resource, blob.digest});
    item.complete = true;
    if (blob.kind == BundleBlob::Kind::manifest) announce_from(content, item.blob.media_type);
}

void BundleLedger::announce(BundleBlob blob, bool required) {
    const bool resource = blob.kind == BundleBlob::Kind::resource;
    const std::string name = blob.digest.to_string();
    if (blob.kind == BundleBlob::Kind::manifest && blob.size > max_bundle_manifest) {
        refuse(name, "a manifest of more than 4 MiB is not taken");
    }
    const auto known = by_digest_.find({resource, blob.digest});
    if (known == by_digest_.end()) {
        if (items_.size() == max_blobs) refuse(name, "the bundle has more than 100,000 blobs");
        const std::pair key(resource, blob.digest);
        items_.push_back({std::move(blob), required});
        by_digest_.emplace(key, &items_.back());
        return;
    }
    Item& item = *known->second;
    if (item.blob.size != blob.size || item.blob.media_type != blob.media_type) {
        refuse(name, "is announced twice, with another size or type");
    }
    if (required && !item.required) {
        item.required = true;
        next_ = 0;
    }
}

void BundleLedger::announce_from(std::string_view manifest, const std::string& media_type) {
    const JsonText document{std::string(manifest)};
    const JsonNode root = document.root();
    const auto announce_all = [&](std::string_view list, bool needed) {
        const auto entries = root.find(list, JsonKind::array);
        if (!entries) {
            if (needed) refuse("a manifest of an image", std::string(list) + " is missing");
            return;
        }
        std::size_t i = 0;
        for (const JsonNode node : entries->children()) {
            BundleReference child = read_reference(node, at(list, i++));
            const bool parsed =
                list == "manifests" && (is_image(child.media_type) || is_index(child.media_type));
            announce({parsed ? BundleBlob::Kind::manifest : BundleBlob::Kind::blob, child.digest,
                      child.size, parsed ? std::move(child.media_type) : std::string()},
                     !child.elsewhere);
        }
    };
    if (is_index(media_type)) {
        announce_all("manifests", true);
        return;
    }
    const auto config = root.find("config", JsonKind::object);
    if (!config) refuse("a manifest of an image", "config is missing");
    const BundleReference reference = read_reference(*config, "config");
    announce({BundleBlob::Kind::blob, reference.digest, reference.size}, true);
    announce_all("layers", true);
}

}  // namespace pkgreg
