#include "registry/packages/record.hpp"

#include "pkgreg/hasher.hpp"

#include "base/json_text.hpp"
#include "dcos/verbatim_json.hpp"
#include "registry/layout.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::string_view record_format = "1";

PackageMetadata compact(const PackageMetadata& metadata) {
    std::string text = without_white_space(metadata.text());
    if (text.size() == metadata.text().size()) return metadata;
    return PackageMetadata::parse(std::move(text));
}

template <class Items>
void sort_by_asset(Items& items) {
    std::sort(items.begin(), items.end(),
              [](const auto& a, const auto& b) { return a.asset < b.asset; });
}

std::vector<PackageResource> resources_of(const BundleContents& bundle) {
    std::vector<PackageResource> resources;
    for (const BundleResource& resource : bundle.resources) {
        resources.push_back({resource.asset, resource.digest, resource.size, resource.file});
    }
    sort_by_asset(resources);
    return resources;
}

std::vector<PackageImage> images_of(const BundleContents& bundle) {
    std::map<std::string, std::string> references;
    for (const Asset& asset : bundle.metadata.assets()) {
        references.emplace(asset.path, asset.value);
    }
    std::vector<PackageImage> images;
    for (const BundleImage& image : bundle.images) {
        images.push_back({image.asset,
                          image_repository(references[image.asset], bundle.metadata.name()),
                          image.manifest});
    }
    sort_by_asset(images);
    return images;
}

/// In a form in which no two different packages are the same.
Digest content_digest(const PackageMetadata& metadata,
                      const std::vector<PackageResource>& resources,
                      const std::vector<PackageImage>& images) {
    Hasher hasher(DigestAlgorithm::sha256);
    const auto add = [&](std::string_view text) {
        hasher.update(std::to_string(text.size()));
        hasher.update(std::string_view(":"));
        hasher.update(text);
    };
    add(metadata.text());
    for (const PackageResource& resource : resources) {
        add("resource");
        add(resource.asset);
        add(resource.digest.to_string());
        add(resource.file);
    }
    for (const PackageImage& image : images) {
        add("image");
        add(image.asset);
        add(image.manifest.digest.to_string());
    }
    return hasher.digest();
}

/// Where a document refers to what the registry holds.
UniversePackage::Locator locator_of(const PackageDraft& draft) {
    return [&draft](const Asset& asset) -> std::optional<ServedAsset> {
        for (const PackageResource& resource : draft.resources) {
            if (resource.asset != asset.path) continue;
            return ServedAsset{ServedAsset::Base::resource_base,
                               resource_path(draft.metadata.coordinate(), resource)};
        }
        for (const PackageImage& image : draft.images) {
            if (image.asset != asset.path) continue;
            return ServedAsset{
                ServedAsset::Base::image_host,
                "/" + image.repository.str() + "@" + image.manifest.digest.to_string()};
        }
        return std::nullopt;
    };
}

std::string header_json(const PackageDraft& draft) {
    std::string json = "{\"format\":";
    json.append(record_format).append(",\"content\":\"");
    draft.content.append_to(json);
    json.append("\",\"selected\":");
    json.append(!draft.selected ? "null" : *draft.selected ? "true" : "false");
    json.append(",\"resources\":[");
    std::string_view comma = "";
    for (const PackageResource& resource : draft.resources) {
        json.append(comma).append("{\"asset\":");
        append_json_string(json, resource.asset);
        json.append(",\"digest\":\"");
        resource.digest.append_to(json);
        json.append("\",\"size\":").append(std::to_string(resource.size)).append(",\"file\":");
        append_json_string(json, resource.file);
        json.append("}");
        comma = ",";
    }
    json.append("],\"images\":[");
    comma = "";
    for (const PackageImage& image : draft.images) {
        json.append(comma).append("{\"asset\":");
        append_json_string(json, image.asset);
        json.append(",\"repository\":\"").append(image.repository.str());
        json.append("\",\"mediaType\":\"").append(image.manifest.media_type.str());
        json.append("\",\"digest\":\"");
        image.manifest.digest.append_to(json);
        json.append("\",\"size\":").append(std::to_string(image.manifest.size)).append("}");
        comma = ",";
    }
    return json.append("]}\n");
}

[[noreturn]] void damaged_record(const ObjectKey& key) {
    throw Error(ErrorCode::corrupt, "the record of a package, " + key.str() +
                                        ", is damaged; remove the package and add it again");
}

/// Reads members of which each must be there.
class Members {
 public:
    Members(JsonNode object, const ObjectKey& key) : object_(object), key_(key) {}

    JsonNode get(std::string_view name, JsonKind kind) const {
        const auto value = object_.find(name, kind);
        if (!value) damaged_record(key_);
        return *value;
    }
    std::string text(std::string_view name) const {
        return std::string(get(name, JsonKind::string).string());
    }
    template <class T>
    T parsed(std::string_view name) const {
        auto value = T::try_parse(get(name, JsonKind::string).string());
        if (!value) damaged_record(key_);
        return *std::move(value);
    }
    std::uint64_t size() const {
        const auto number = whole_number(get("size", JsonKind::number).raw());
        if (!number) damaged_record(key_);
        return *number;
    }

 private:
    JsonNode object_;
    const ObjectKey& key_;
};

std::optional<bool> read_selected(const std::optional<JsonNode>& node, const ObjectKey& key) {
    if (!node || !(node->is(JsonKind::boolean) || node->is(JsonKind::null))) damaged_record(key);
    if (node->is(JsonKind::null)) return std::nullopt;
    return node->raw() == "true";
}

std::shared_ptr<const StoredPackage> decode(const ObjectKey& key, std::string_view header,
                                            UniversePackage universe) {
    const JsonText document{std::string(header)};
    const JsonNode root = document.root();
    const Members members(root, key);
    if (members.get("format", JsonKind::number).raw() != record_format) {
        throw Error(ErrorCode::incompatible, "the record of a package, " + key.str() +
                                                 ", was stored by another version of this "
                                                 "program; add the package again");
    }
    StoredPackage package{key,
                          members.parsed<Digest>("content"),
                          read_selected(root.find("selected"), key),
                          {},
                          {},
                          std::move(universe)};
    for (const JsonNode node : members.get("resources", JsonKind::array).children()) {
        const Members resource(node, key);
        package.resources.push_back({resource.text("asset"), resource.parsed<Digest>("digest"),
                                     resource.size(), resource.text("file")});
    }
    for (const JsonNode node : members.get("images", JsonKind::array).children()) {
        const Members image(node, key);
        package.images.push_back({image.text("asset"), image.parsed<RepositoryName>("repository"),
                                  Descriptor{image.parsed<MediaType>("mediaType"),
                                             image.parsed<Digest>("digest"), image.size()}});
    }
    return std::make_shared<const StoredPackage>(std::move(package));
}

// Differences.

std::string joined(const std::vector<std::string>& items) {
    constexpr std::size_t most = 5;
    std::string text;
    for (std::size_t i = 0; i < items.size() && i < most; ++i) {
        if (i > 0) text.append(i + 1 == items.size() ? " and " : ", ");
        text.append(items[i]);
    }
    if (items.size() > most) {
        text.append(" and ").append(std::to_string(items.size() - most)).append(" more");
    }
    return text;
}

std::string metadata_difference(std::string_view a, std::string_view b) {
    if (a == b) return {};
    const JsonText first{std::string(a)};
    const JsonText second{std::string(b)};
    std::vector<std::string> fields;
    const auto compare = [&](const JsonText& from, const JsonText& to, bool both) {
        for (const JsonNode member : from.root().children()) {
            const auto other = to.root().find(member.key());
            const bool differs = other ? both && other->raw() != member.raw() : true;
            if (differs) fields.push_back(std::string(member.key().substr(0, 80)));
        }
    };
    compare(first, second, true);
    compare(second, first, false);
    if (fields.empty()) return "the order of the metadata's fields differs";
    return joined(fields) + (fields.size() == 1 ? " differs" : " differ");
}

/// What is bundled, by asset, and what makes it another one.
template <class Items, class Describe>
void compare_assets(const Items& old_items, const Items& new_items, std::string_view what,
                    Describe describe, std::vector<std::string>& differences) {
    std::map<std::string_view, std::string> left;
    for (const auto& item : old_items) left.emplace(item.asset, describe(item));
    for (const auto& item : new_items) {
        const auto found = left.find(item.asset);
        if (found == left.end()) {
            differences.push_back(item.asset + " was not bundled");
        } else {
            if (found->second != describe(item)) {
                differences.push_back(item.asset + " is another " + std::string(what));
            }
            left.erase(found);
        }
    }
    for (const auto& [asset, description] : left) {
        differences.push_back(std::string(asset) + " is not bundled any more");
    }
}

// Image references.

/// Whether the first component of a reference is a host, and not the beginning of a path.
bool is_host(std::string_view component) noexcept {
    return component == "localhost" || std::any_of(component.begin(), component.end(), [](char c) {
               return c == '.' || c == ':' || (c >= 'A' && c <= 'Z');
           });
}

std::string path_of_reference(std::string_view reference) {
    std::string_view path = reference.substr(0, reference.find('@'));
    bool docker_hub = true;
    const std::size_t slash = path.find('/');
    if (slash != std::string_view::npos && is_host(path.substr(0, slash))) {
        const std::string_view host = path.substr(0, slash);
        docker_hub = host == "docker.io" || host == "index.docker.io";
        path.remove_prefix(slash + 1);
    }
    const std::size_t name = path.rfind('/') + 1;
    path = path.substr(0, path.find(':', name));
    const bool official = docker_hub && path.find('/') == std::string_view::npos;
    return (official ? "library/" : "") + std::string(path);
}

}  // namespace

PackageDraft::PackageDraft(const UniverseRevision& revision)
    : metadata(compact(revision.metadata)),
      selected(revision.selected),
      content(content_digest(metadata, resources, images)) {}

PackageDraft::PackageDraft(const BundleContents& bundle)
    : metadata(compact(bundle.metadata)),
      resources(resources_of(bundle)),
      images(images_of(bundle)),
      content(content_digest(metadata, resources, images)) {}

std::string encode_record(const PackageDraft& draft, std::uint64_t release_version) {
    const UniversePackage universe(draft.metadata, release_version, draft.selected,
                                   locator_of(draft));
    return header_json(draft).append(universe.record());
}

std::shared_ptr<const StoredPackage> decode_record(ObjectKey key,
                                                   std::shared_ptr<const std::string> bytes) {
    const std::string_view all = *bytes;
    const std::size_t end = all.find('\n');
    if (end == std::string_view::npos) damaged_record(key);
    try {
        UniversePackage universe(std::move(bytes), all.substr(end + 1));
        if (!key.view().starts_with(layout::package_prefix(universe.coordinate())))
            damaged_record(key);
        return decode(key, all.substr(0, end), std::move(universe));
    } catch (const Error& error) {
        // What is wrong with the JSON does not matter to who reads it here.
        if (error.code() == ErrorCode::incompatible) throw;
        damaged_record(key);
    }
}

std::string describe_differences(const StoredPackage& stored, const PackageDraft& draft) {
    std::string text = metadata_difference(stored.universe.metadata(), draft.metadata.text());
    std::vector<std::string> assets;
    compare_assets(
        stored.resources, draft.resources, "file",
        [](const PackageResource& item) { return item.digest.to_string() + item.file; }, assets);
    compare_assets(
        stored.images, draft.images, "image",
        [](const PackageImage& item) { return item.manifest.digest.to_string(); }, assets);
    if (!text.empty() && !assets.empty()) text.append("; ");
    return text.append(joined(assets));
}

RepositoryName image_repository(std::string_view reference, const PackageName& package) {
    auto name = RepositoryName::try_parse(path_of_reference(reference));
    return name ? *std::move(name) : RepositoryName::parse(package.str());
}

}  // namespace pkgreg
