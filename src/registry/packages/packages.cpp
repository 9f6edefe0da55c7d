#include "registry/packages/packages.hpp"

#include "registry/engine.hpp"

namespace pkgreg {
namespace {

[[noreturn]] void not_yet() {
    throw Error(ErrorCode::unsupported, "packages are not served yet");
}

}  // namespace

std::string_view to_string(PackageOutcome outcome) noexcept {
    switch (outcome) {
        case PackageOutcome::added: return "added";
        case PackageOutcome::unchanged: return "unchanged";
        case PackageOutcome::replaced: return "replaced";
    }
    return "added";
}

awaitable<PackageAddition> EnginePackages::add(BodySource& bundle, bool replace) {
    static_cast<void>(engine_);
    co_await bundle.wait();
    static_cast<void>(replace);
    not_yet();
}

awaitable<UniverseImport> EnginePackages::import(std::vector<UniverseRevision>, bool) {
    not_yet();
    co_return UniverseImport();
}

awaitable<std::optional<PackageInfo>> EnginePackages::find(const PackageCoordinate&) {
    co_return std::nullopt;
}

awaitable<PackagePage> EnginePackages::list(const std::optional<PackageName>&,
                                            const std::optional<PackageCoordinate>&, std::size_t) {
    co_return PackagePage();
}

awaitable<std::size_t> EnginePackages::count() {
    co_return 0;
}

awaitable<void> EnginePackages::remove(const PackageCoordinate&) {
    not_yet();
    co_return;
}

awaitable<std::unique_ptr<ObjectReader>> EnginePackages::open_resource(const PackageCoordinate&,
                                                                       const Digest&,
                                                                       std::string_view,
                                                                       ByteRange) {
    co_return nullptr;
}

awaitable<RepositoryDocument> EnginePackages::document(const UniverseDocuments::Request&) {
    not_yet();
    co_return RepositoryDocument{RepositoryText(nullptr), {}, {}, {}, nullptr, 0};
}

}  // namespace pkgreg
