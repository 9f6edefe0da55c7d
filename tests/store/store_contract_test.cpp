// The contract suite on the stores that need no server.
#include "pkgreg/directory_store.hpp"
#include "pkgreg/memory_store.hpp"

#include "store/contract.hpp"
#include "store/forwarding_file_system.hpp"
#include "store/temporary_directory.hpp"

#include <memory>
#include <string>
#include <vector>

namespace pkgreg {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool slow_build = true;
#else
constexpr bool slow_build = false;
#endif

StoreUnderTest in_memory(const std::vector<std::string>& keys) {
    StoreUnderTest made{nullptr, make_memory_store()};
    for (const std::string& key : keys) run_blocking(made.store->put(ObjectKey(key), key));
    return made;
}

/// The files are made before the store is opened, which is quicker than by the store.
StoreUnderTest in_directory(const std::vector<std::string>& keys, DirectoryStoreOptions options,
                            TemporaryDirectory::Place place = TemporaryDirectory::Place::quick) {
    auto directory = std::make_shared<TemporaryDirectory>(place);
    if (!keys.empty()) directory->write("format", "");
    for (const std::string& key : keys) directory->write(key, key);
    StoreUnderTest made{directory, open_directory_store(directory->path(), std::move(options))};
    return made;
}

StoreUnderTest unsynced(const std::vector<std::string>& keys) {
    DirectoryStoreOptions options;
    options.file_system = std::make_shared<UnsyncedFileSystem>();
    return in_directory(keys, std::move(options));
}

StoreUnderTest with_tiny_cache(const std::vector<std::string>& keys) {
    DirectoryStoreOptions options;
    options.file_system = std::make_shared<UnsyncedFileSystem>();
    options.cache_bytes = 4096;
    return in_directory(keys, std::move(options));
}

StoreUnderTest synced(const std::vector<std::string>& keys) {
    return in_directory(keys, DirectoryStoreOptions(), TemporaryDirectory::Place::on_disk);
}

std::string name_of_parameters(const testing::TestParamInfo<ContractParameters>& info) {
    return info.param.name;
}

constexpr std::size_t many = slow_build ? 20'000 : 100'000;
constexpr std::size_t rounds = slow_build ? 100 : 400;
constexpr std::size_t large = std::size_t{slow_build ? 8 : 20} << 20;

INSTANTIATE_TEST_SUITE_P(
    Store, ObjectStoreContract,
    testing::Values(ContractParameters{"memory", in_memory, many, rounds, large},
                    ContractParameters{"directory", unsynced, many, rounds, large},
                    ContractParameters{"directory_with_tiny_cache", with_tiny_cache, 3000,
                                       rounds / 2, large},
                    ContractParameters{"directory_synced", synced, 1000, 10, large}),
    name_of_parameters);

}  // namespace
}  // namespace pkgreg
