#include "pkgreg/dcos/metadata.hpp"

#include "pkgreg/error.hpp"

#include "base/json_text.hpp"
#include "dcos/base64.hpp"
#include "dcos/package_rules.hpp"
#include "dcos/text_edit.hpp"
#include "dcos/verbatim_json.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {

std::string Problem::str() const {
    std::string text;
    if (!file.empty()) text.append(file).append(": ");
    if (!path.empty()) text.append(path).append(": ");
    return text.append(message);
}

std::string to_string(const std::vector<Problem>& problems) {
    std::string text;
    for (const Problem& problem : problems) {
        if (!text.empty()) text.push_back('\n');
        text.append(problem.str());
    }
    return text;
}

std::string_view to_string(PackagingVersion version) noexcept {
    switch (version) {
        case PackagingVersion::v3_0: return "3.0";
        case PackagingVersion::v4_0: return "4.0";
        case PackagingVersion::v5_0: return "5.0";
    }
    return "5.0";
}

namespace {

PackagingVersion packaging_version_of(std::string_view text) noexcept {
    return text == "3.0"   ? PackagingVersion::v3_0
           : text == "4.0" ? PackagingVersion::v4_0
                           : PackagingVersion::v5_0;
}

/// An asset and the string in the document that refers to it.
struct LocatedAsset {
    Asset asset;
    JsonNode value;
};

/// Collects the assets of a valid document.
class AssetWalk {
 public:
    explicit AssetWalk(JsonNode root) {
        const auto resource = root.find("resource", JsonKind::object);
        if (!resource) return;
        for (const JsonNode part : resource->children()) {
            if (part.key() == "assets") {
                walk_assets(part);
            } else if (part.key() == "images") {
                walk_images(part);
            } else {
                walk_cli(part);
            }
        }
    }

    std::vector<LocatedAsset> take() && { return std::move(found_); }

 private:
    void add(AssetKind kind, std::string path, std::string_view name, JsonNode value) {
        found_.push_back(
            {Asset{kind, std::move(path), std::string(name), std::string(value.string())}, value});
    }

    void add_all(AssetKind kind, std::string_view prefix, JsonNode map) {
        for (const JsonNode member : map.children()) {
            std::string path(prefix);
            append_key(path, member.key());
            add(kind, std::move(path), member.key(), member);
        }
    }

    void walk_assets(JsonNode assets) {
        for (const JsonNode part : assets.children()) {
            if (part.key() == "uris") {
                add_all(AssetKind::uri, "resource.assets.uris", part);
            } else if (const auto docker = part.find("docker", JsonKind::object)) {
                add_all(AssetKind::docker, "resource.assets.container.docker", *docker);
            }
        }
    }

    void walk_images(JsonNode images) {
        for (const JsonNode image : images.children()) {
            if (image.is(JsonKind::string)) {
                add(AssetKind::image, "resource.images." + std::string(image.key()), image.key(),
                    image);
                continue;
            }
            std::size_t i = 0;
            for (const JsonNode shot : image.children()) {
                const std::string index = std::to_string(i++);
                add(AssetKind::screenshot, "resource.images.screenshots[" + index + "]", index,
                    shot);
            }
        }
    }

    void walk_cli(JsonNode cli) {
        const auto binaries = cli.find("binaries", JsonKind::object);
        if (!binaries) return;
        for (const JsonNode platform : binaries->children()) {
            const auto binary = platform.find("x86-64", JsonKind::object);
            const auto url = binary ? binary->find("url", JsonKind::string) : std::nullopt;
            if (!url) continue;
            add(AssetKind::cli_binary,
                "resource.cli.binaries." + std::string(platform.key()) + ".x86-64.url",
                platform.key(), *url);
            Asset& asset = found_.back().asset;
            const auto kind = binary->find("kind", JsonKind::string);
            if (kind && kind->string() == "zip") asset.binary_kind = BinaryKind::zip;
            const auto hashes = binary->find("contentHash", JsonKind::array);
            if (!hashes) continue;
            for (const JsonNode hash : hashes->children()) {
                if (const auto hex = hash.find("value", JsonKind::string)) {
                    asset.sha256.emplace_back(hex->string());
                }
            }
        }
    }

    std::vector<LocatedAsset> found_;
};

std::string_view trimmed(std::string_view text) noexcept {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// A problem of a document that was put together from files, told of the file.
void blame_file(Problem& problem, const std::vector<LocalReference>& references) {
    for (const LocalReference& reference : references) {
        if (!problem.path.starts_with(reference.path)) continue;
        const std::string_view rest = std::string_view(problem.path).substr(reference.path.size());
        if (!rest.empty() && rest.front() != '.' && rest.front() != '[') continue;
        problem.file = reference.file;
        problem.path = std::string(rest.starts_with('.') ? rest.substr(1) : rest);
        return;
    }
}

}  // namespace

struct PackageMetadata::State {
    explicit State(std::string text) : document(std::move(text)) {}

    JsonText document;
    PackageCoordinate coordinate{PackageName::parse("package"), PackageVersion::parse("0")};
    PackagingVersion packaging_version = PackagingVersion::v5_0;
    ReleaseVersion min_release;
};

PackageMetadata::PackageMetadata(std::shared_ptr<const State> state) noexcept
    : state_(std::move(state)) {}

std::optional<PackageMetadata> PackageMetadata::check(std::string text, MetadataForm form,
                                                      std::vector<Problem>& problems) {
    std::shared_ptr<State> state;
    try {
        state = std::make_shared<State>(std::move(text));
    } catch (const Error& error) {
        problems.push_back({"", "", error.message()});
        return std::nullopt;
    }
    const std::size_t before = problems.size();
    check_package(state->document, form, problems);
    if (problems.size() != before) return std::nullopt;

    const JsonNode root = state->document.root();
    state->coordinate = PackageCoordinate(PackageName::parse(root.find("name")->string()),
                                          PackageVersion::parse(root.find("version")->string()));
    state->packaging_version = packaging_version_of(root.find("packagingVersion")->string());
    if (const auto release = root.find("minDcosReleaseVersion")) {
        state->min_release = ReleaseVersion::parse(release->string());
    }
    return PackageMetadata(std::move(state));
}

PackageMetadata PackageMetadata::parse(std::string text, MetadataForm form) {
    std::vector<Problem> problems;
    if (auto metadata = check(std::move(text), form, problems)) return *std::move(metadata);
    throw Error(ErrorCode::invalid_argument, to_string(problems));
}

std::string_view PackageMetadata::text() const noexcept {
    return state_->document.text();
}
const PackageName& PackageMetadata::name() const noexcept {
    return state_->coordinate.name();
}
const PackageVersion& PackageMetadata::version() const noexcept {
    return state_->coordinate.version();
}
const PackageCoordinate& PackageMetadata::coordinate() const noexcept {
    return state_->coordinate;
}
PackagingVersion PackageMetadata::packaging_version() const noexcept {
    return state_->packaging_version;
}
const ReleaseVersion& PackageMetadata::min_release() const noexcept {
    return state_->min_release;
}
const JsonText& PackageMetadata::document() const noexcept {
    return state_->document;
}

void PackageMetadata::for_each_asset(
    const std::function<void(const Asset&, std::size_t, std::size_t)>& visit) const {
    for (const LocatedAsset& found : AssetWalk(document().root()).take()) {
        visit(found.asset, found.value.begin(), found.value.end());
    }
}

std::vector<Asset> PackageMetadata::assets() const {
    std::vector<Asset> assets;
    for_each_asset([&](const Asset& asset, std::size_t, std::size_t) { assets.push_back(asset); });
    return assets;
}

std::string PackageMetadata::rewrite_assets(const AssetRewriter& rewriter) const {
    std::vector<TextEdit> edits;
    for_each_asset([&](const Asset& asset, std::size_t begin, std::size_t end) {
        if (const auto value = rewriter(asset)) edits.push_back({begin, end, json_string(*value)});
    });
    return apply_edits(text(), edits);
}

std::vector<LocalReference> PackageMetadata::local_references() const {
    std::vector<LocalReference> references;
    const auto add = [&](const std::optional<JsonNode>& value, std::string_view path) {
        if (value && value->string().starts_with('@')) {
            references.push_back({std::string(path), std::string(value->string().substr(1))});
        }
    };
    const JsonNode root = document().root();
    add(root.find("config", JsonKind::string), "config");
    add(root.find("resource", JsonKind::string), "resource");
    if (const auto marathon = root.find("marathon")) {
        add(marathon->find("v2AppMustacheTemplate", JsonKind::string),
            "marathon.v2AppMustacheTemplate");
    }
    return references;
}

std::optional<PackageMetadata> PackageMetadata::resolve(const FileReader& reader,
                                                        std::vector<Problem>& problems) const {
    const std::size_t before = problems.size();
    const std::vector<LocalReference> references = local_references();
    const JsonNode root = document().root();
    std::vector<TextEdit> edits;
    for (const LocalReference& reference : references) {
        const bool is_template = reference.path.starts_with("marathon.");
        const JsonNode value = is_template ? *root.find("marathon")->find("v2AppMustacheTemplate")
                                           : *root.find(reference.path);
        try {
            std::string content = reader(reference);
            // Parsed alone first: the line that an error names is then a line of the file.
            if (!is_template) content = std::string(trimmed(JsonText(content).text()));
            edits.push_back({value.begin(), value.end(),
                             is_template ? json_string(to_base64(content)) : std::move(content)});
        } catch (const Error& error) {
            problems.push_back({reference.file, "", error.message()});
        }
    }
    if (problems.size() != before) return std::nullopt;
    std::sort(edits.begin(), edits.end(),
              [](const TextEdit& a, const TextEdit& b) { return a.begin < b.begin; });
    auto resolved = check(apply_edits(text(), edits), MetadataForm::metadata, problems);
    for (std::size_t i = before; i < problems.size(); ++i) blame_file(problems[i], references);
    return resolved;
}

}  // namespace pkgreg
