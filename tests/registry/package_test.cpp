#include "registry/package_test.hpp"

#include "registry/manifest_document.hpp"

#include <algorithm>

namespace pkgreg {

PackageCoordinate coordinate_of(std::string_view name, std::string_view version) {
    return {PackageName::parse(name), PackageVersion::parse(version)};
}

std::string TestPackage::metadata() const {
    std::string assets;
    if (!file.empty()) assets.append(R"("uris":{"jar":"https://example.com/app.jar"})");
    if (!reference.empty()) {
        assets.append(assets.empty() ? "" : ",");
        assets.append(R"("container":{"docker":{"main":")" + reference + R"("}})");
    }
    return R"({"packagingVersion":"4.0", "name":")" + name + R"(","version":")" + version +
           R"(","maintainer":"m","description":")" + description +
           R"(","tags":[],"resource":{"assets":{)" + assets + "}}}";
}

std::string TestPackage::image() const {
    if (!is_index) return images.front().manifest;
    std::vector<std::string> descriptors;
    for (const TestImage& each : images) descriptors.push_back(each.descriptor());
    return index_json(descriptors);
}

BundleContents TestPackage::contents() const {
    BundleContents all{PackageMetadata::parse(metadata())};
    if (!file.empty()) {
        all.resources.push_back({"resource.assets.uris.jar", sha256(file), file.size(), "app.jar"});
    }
    if (!reference.empty()) {
        const auto type = is_index ? media_types::oci_index : media_types::oci_manifest;
        const std::string bytes = image();
        all.images.push_back({"resource.assets.container.docker.main",
                              Descriptor{MediaType::parse(type), sha256(bytes), bytes.size()}});
    }
    return all;
}

std::string TestPackage::bundle() const {
    std::map<Digest, std::string> blobs;
    const auto have = [&](const std::string& bytes) { blobs.emplace(sha256(bytes), bytes); };
    have(file);
    have(image());
    for (const TestImage& each : images) {
        have(each.manifest);
        have(each.config);
        have(each.layer);
    }
    std::string out;
    BundleWriter writer(contents(), [&](std::string_view bytes) { out.append(bytes); });
    while (const BundleBlob* blob = writer.next()) {
        std::string_view rest = blobs.at(blob->digest);
        writer.add([&](std::span<char> into) {
            const std::size_t n = std::min(into.size(), rest.size());
            std::copy_n(rest.begin(), n, into.begin());
            rest.remove_prefix(n);
            return n;
        });
    }
    writer.finish();
    return out;
}

PackageAddition BlockingPackages::add(const std::string& bundle, bool replace) const {
    MemoryBody body(bundle);
    return run_blocking(packages_.add(body, replace));
}

std::optional<PackageInfo> BlockingPackages::find(const PackageCoordinate& coordinate) const {
    return run_blocking(packages_.find(coordinate));
}

void BlockingPackages::remove(const PackageCoordinate& coordinate) const {
    run_blocking(packages_.remove(coordinate));
}

std::vector<std::string> BlockingPackages::list(std::optional<std::string> name,
                                                std::optional<PackageCoordinate> last,
                                                std::size_t n) const {
    std::optional<PackageName> parsed;
    if (name) parsed = PackageName::parse(*name);
    std::vector<std::string> names;
    for (const PackageInfo& each : run_blocking(packages_.list(parsed, last, n)).packages) {
        names.push_back(each.coordinate.name().str() + " " + each.coordinate.version().str());
    }
    return names;
}

std::optional<std::string> BlockingPackages::read(const PackageCoordinate& coordinate,
                                                  const Digest& digest, std::string_view file,
                                                  ByteRange range) const {
    const auto reader = run_blocking(packages_.open_resource(coordinate, digest, file, range));
    if (!reader || !reader->interval()) return std::nullopt;
    std::string text(reader->interval()->length, '\0');
    std::span<std::byte> rest = std::as_writable_bytes(std::span(text));
    while (!rest.empty()) {
        const std::size_t n = run_blocking(reader->read(rest));
        if (n == 0) break;
        rest = rest.subspan(n);
    }
    return text;
}

UniverseImport BlockingPackages::import(std::vector<UniverseRevision> revisions,
                                        bool replace) const {
    return run_blocking(packages_.import(std::move(revisions), replace));
}

std::string BlockingPackages::document(const UniverseDocuments::Request& request) const {
    return run_blocking(packages_.document(request)).text.str();
}

void expect_whole(const BlockingRegistry& registry, const PackageCoordinate& coordinate) {
    const BlockingPackages packages(registry);
    const auto info = packages.find(coordinate);
    ASSERT_TRUE(info);
    for (const PackageResource& resource : info->resources) {
        const auto bytes = packages.read(coordinate, resource.digest, resource.file);
        ASSERT_TRUE(bytes) << resource.asset;
        EXPECT_EQ(sha256(*bytes), resource.digest);
    }
    for (const PackageImage& image : info->images) {
        const auto manifest = registry.manifest(image.repository.str(), image.manifest.digest);
        EXPECT_TRUE(manifest) << image.asset;
    }
}

}  // namespace pkgreg
