// Where an asset of a build definition lies, and the name that its file gets in the bundle.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// A resource's place: something to fetch, or a file.
struct AssetLocation {
    /// An http or https URL; empty for a file.
    std::string url = {};
    std::filesystem::path file = {};

    /// Reads an asset's value: `http:` and `https:` URLs, `file:` URLs, and paths, which are
    /// relative to `folder`. Throws `invalid_argument` for another scheme.
    static AssetLocation parse(std::string_view value, const std::filesystem::path& folder);

    /// For messages: the URL without its secrets, or the path.
    std::string shown() const;
    /// Equal for two assets that are one file.
    std::string key() const { return url.empty() ? file.lexically_normal().string() : url; }
};

/// The name under which a resource is downloaded from the registry: the last component of its URL
/// or path, since installers look at endings such as `.tgz`. Characters that the format of bundles
/// does not allow become `_`, and of a name of more than 255 bytes the end counts. Where nothing is
/// left it is `fallback`, made good in the same way.
std::string resource_file_name(std::string_view value, std::string_view fallback);

}  // namespace pkgreg::cli
