// EnginePackages: the packages of a registry, on top of its engine.
#pragma once

#include "pkgreg/packages.hpp"

namespace pkgreg {

class Engine;

class EnginePackages final : public Packages {
 public:
    explicit EnginePackages(Engine& engine) noexcept : engine_(engine) {}

    awaitable<PackageAddition> add(BodySource& bundle, bool replace) override;
    awaitable<UniverseImport> import(std::vector<UniverseRevision> revisions,
                                     bool replace) override;
    awaitable<std::optional<PackageInfo>> find(const PackageCoordinate& coordinate) override;
    awaitable<PackagePage> list(const std::optional<PackageName>& name,
                                const std::optional<PackageCoordinate>& last,
                                std::size_t n) override;
    awaitable<std::size_t> count() override;
    awaitable<void> remove(const PackageCoordinate& coordinate) override;
    awaitable<std::unique_ptr<ObjectReader>> open_resource(const PackageCoordinate& coordinate,
                                                           const Digest& digest,
                                                           std::string_view file,
                                                           ByteRange range) override;
    awaitable<RepositoryDocument> document(const UniverseDocuments::Request& request) override;

 private:
    Engine& engine_;
};

}  // namespace pkgreg
