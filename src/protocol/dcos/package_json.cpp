#include "protocol/dcos/package_json.hpp"

#include "base/json_text.hpp"
#include "protocol/target.hpp"

#include <cstdint>

namespace pkgreg::dcos {
namespace {

std::string asset_members(const std::string& asset, const Digest& digest, std::uint64_t size) {
    return "\"asset\":" + json_string(asset) + ",\"digest\":\"" + digest.to_string() +
           "\",\"size\":" + std::to_string(size);
}

std::string resource_json(const PackageCoordinate& coordinate, const PackageResource& resource) {
    const std::string path = "/resource/" + coordinate.encoded() + "/" +
                             resource.digest.to_string() + "/" + percent_encode(resource.file);
    return "{" + asset_members(resource.asset, resource.digest, resource.size) +
           ",\"file\":" + json_string(resource.file) + ",\"path\":" + json_string(path) + "}";
}

std::string image_json(const PackageImage& image) {
    return "{" + asset_members(image.asset, image.manifest.digest, image.manifest.size) +
           ",\"mediaType\":" + json_string(image.manifest.media_type.view()) +
           ",\"repository\":" + json_string(image.repository.str()) + "}";
}

}  // namespace

void append_item(std::string& array, std::string_view item) {
    if (!array.empty()) array.push_back(',');
    array.append(item);
}

std::string coordinate_members(const PackageCoordinate& coordinate) {
    // Neither part has a character that JSON would escape.
    const std::string text = coordinate.json();
    return text.substr(1, text.size() - 2);
}

std::string content_members(const PackageInfo& package) {
    std::string resources;
    for (const PackageResource& resource : package.resources) {
        append_item(resources, resource_json(package.coordinate, resource));
    }
    std::string images;
    for (const PackageImage& image : package.images) append_item(images, image_json(image));
    return "\"resources\":[" + resources + "],\"images\":[" + images + "]";
}

}  // namespace pkgreg::dcos
