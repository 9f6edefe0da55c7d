// Packages of a registry: what is added can be had, what is removed takes nothing of others along.
#include "pkgreg/dcos/universe_import.hpp"

#include "dcos/shared_data.hpp"
#include "registry/layout.hpp"
#include "registry/package_test.hpp"
#include "registry/packages/record.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

namespace pkgreg {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class PackagesTest : public EngineTest {
 protected:
    BlockingPackages packages{registry};
};
INSTANTIATE_TEST_SUITE_P(Stores, PackagesTest, testing::ValuesIn(store_kinds()), kind_name);

UniverseRevision revision(const TestPackage& package, std::optional<std::uint64_t> number = {},
                          std::optional<bool> selected = {}) {
    return {PackageMetadata::parse(package.metadata()), number, selected};
}

TEST_P(PackagesTest, AnAddedPackageIsThereWithAllThatItHolds) {
    const TestPackage hello;
    const PackageAddition addition = packages.add(hello);
    EXPECT_EQ(addition.outcome, PackageOutcome::added);
    EXPECT_EQ(addition.release_version, 0U);
    EXPECT_EQ(addition.coordinate, hello.coordinate());

    const auto info = packages.find(hello.coordinate());
    ASSERT_TRUE(info);
    EXPECT_EQ(info->selected, std::nullopt);
    ASSERT_EQ(info->resources.size(), 1U);
    EXPECT_EQ(info->resources[0].asset, "resource.assets.uris.jar");
    EXPECT_EQ(info->resources[0].digest, sha256("jar"));
    EXPECT_EQ(info->resources[0].size, 3U);
    EXPECT_EQ(info->resources[0].file, "app.jar");
    ASSERT_EQ(info->images.size(), 1U);
    EXPECT_EQ(info->images[0].repository.str(), "a/hello");
    EXPECT_EQ(info->images[0].manifest.digest, hello.image_digest());
    std::string compact = hello.metadata();
    compact.erase(compact.find(' '), 1);
    EXPECT_EQ(info->metadata, compact);

    EXPECT_EQ(registry.get("a/hello", hello.image_digest().to_string()), hello.image());
    EXPECT_EQ(registry.read("a/hello", sha256(hello.images[0].layer)), hello.images[0].layer);
    EXPECT_THAT(registry.tags("a/hello").names, IsEmpty());
    EXPECT_THAT(registry.repositories().names, ElementsAre("a/hello"));
    expect_valid(store(), registry);
}

TEST_P(PackagesTest, AResourceIsServedUnderItsNameOnly) {
    const TestPackage hello;
    packages.add(hello);
    const PackageCoordinate at = hello.coordinate();
    EXPECT_EQ(packages.read(at, sha256("jar"), "app.jar"), "jar");
    EXPECT_EQ(packages.read(at, sha256("jar"), "app.jar", ByteRange::from(1)), "ar");
    EXPECT_EQ(packages.read(at, sha256("jar"), "app.jar", ByteRange::from(3)), std::nullopt);
    EXPECT_EQ(packages.read(at, sha256("jar"), "other.jar"), std::nullopt);
    EXPECT_EQ(packages.read(at, sha256("other"), "app.jar"), std::nullopt);
    EXPECT_EQ(packages.read(coordinate_of("hello", "2.0"), sha256("jar"), "app.jar"), std::nullopt);
    // A layer is a blob as well, but none of the package's files.
    const Digest layer = sha256(hello.images[0].layer);
    EXPECT_EQ(packages.read(at, layer, "app.jar"), std::nullopt);
    // And the resource belongs to no repository.
    EXPECT_EQ(registry.blob("a/hello", sha256("jar")), std::nullopt);
}

TEST_P(PackagesTest, TheDocumentRefersToWhatTheRegistryHolds) {
    const TestPackage hello;
    packages.add(hello);
    UniverseDocuments::Request request;
    request.address = {"https://registry.example:443", "registry.example:443"};
    const std::string text = packages.document(request);
    const std::string resource = "https://registry.example:443/resource/" +
                                 hello.coordinate().encoded() + "/" + sha256("jar").to_string() +
                                 "/app.jar";
    EXPECT_THAT(text, HasSubstr("\"" + resource + "\""));
    EXPECT_THAT(text, HasSubstr("\"registry.example:443/a/hello@" +
                                hello.image_digest().to_string() + "\""));
    EXPECT_THAT(text, HasSubstr("\"releaseVersion\":0"));

    request.name = PackageName::parse("hello");
    EXPECT_EQ(packages.document(request), text);
    request.name = PackageName::parse("other");
    EXPECT_EQ(code_of([&] { packages.document(request); }), ErrorCode::package_unknown);
    packages.remove(hello.coordinate());
    request.name = std::nullopt;
    EXPECT_EQ(packages.document(request), R"({"packages":[]})");
}

TEST_P(PackagesTest, CodedDocumentsAreMadeOnThePool) {
    RegistryOptions options;
    options.pool = std::make_shared<WorkPool>(2);
    const BlockingRegistry other = open(options);
    const BlockingPackages pooled(other);
    pooled.add(TestPackage());
    UniverseDocuments::Request request;
    for (const ContentCoding coding : {ContentCoding::gzip, ContentCoding::zstd}) {
        request.coding = coding;
        const auto document = run_blocking((*other).packages().document(request));
        EXPECT_EQ(document.coding, coding);
        ASSERT_TRUE(document.bytes);
        EXPECT_EQ(document.size, document.bytes->size());
    }
}

TEST_P(PackagesTest, AddingTheSamePackageAgainChangesNothing) {
    TestPackage hello;
    packages.add(hello);
    const std::vector<std::string> keys = all_keys(store());
    const PackageAddition again = packages.add(hello);
    EXPECT_EQ(again.outcome, PackageOutcome::unchanged);
    EXPECT_EQ(again.release_version, 0U);
    EXPECT_EQ(packages.add(hello, true).outcome, PackageOutcome::unchanged);
    EXPECT_EQ(all_keys(store()), keys);
}

TEST_P(PackagesTest, AddingTheSamePackageAgainRepairsWhatItLacks) {
    const TestPackage hello;
    packages.add(hello);
    for (const std::string& key : all_keys(store())) {
        if (key.starts_with("blobs/") || key.starts_with("repositories/")) {
            run_blocking(store().remove(ObjectKey(key)));
        }
    }
    EXPECT_EQ(packages.add(hello).outcome, PackageOutcome::unchanged);
    expect_whole(registry, hello.coordinate());
    expect_valid(store(), registry);
}

TEST_P(PackagesTest, OtherContentIsRefusedAndNamedUnlessItReplaces) {
    const TestPackage hello;
    packages.add(hello);
    TestPackage other;
    other.description = "says good-bye";
    other.file = "another jar";
    other.images = {TestImage("another")};
    const Error error = error_of([&] { packages.add(other); });
    EXPECT_EQ(error.code(), ErrorCode::package_exists);
    EXPECT_THAT(error.message(), HasSubstr("hello 1.0"));
    EXPECT_THAT(error.message(), HasSubstr("description differs"));
    EXPECT_THAT(error.message(), HasSubstr("resource.assets.uris.jar is another file"));
    EXPECT_THAT(error.message(),
                HasSubstr("resource.assets.container.docker.main is another image"));
    EXPECT_EQ(packages.read(hello.coordinate(), sha256("jar"), "app.jar"), "jar");

    const PackageAddition addition = packages.add(other, true);
    EXPECT_EQ(addition.outcome, PackageOutcome::replaced);
    EXPECT_EQ(addition.release_version, 1U);
    expect_whole(registry, hello.coordinate());
    EXPECT_EQ(packages.read(hello.coordinate(), sha256("jar"), "app.jar"), std::nullopt);
    EXPECT_EQ(packages.read(hello.coordinate(), sha256("another jar"), "app.jar"), "another jar");
    EXPECT_FALSE(registry.manifest("a/hello", hello.image_digest()));
    EXPECT_EQ(registry.blob("a/hello", sha256(hello.images[0].layer)), std::nullopt);
    EXPECT_EQ(packages.count(), 1U);
    EXPECT_EQ(all_keys(store(), layout::packages_root).size(), 1U);
}

TEST_P(PackagesTest, ReleaseVersionsGrowWithEachAdditionOfTheName) {
    EXPECT_EQ(packages.add(TestPackage("hello", "1.0")).release_version, 0U);
    EXPECT_EQ(packages.add(TestPackage("hello", "0.9")).release_version, 1U);
    EXPECT_EQ(packages.add(TestPackage("hello-world", "1.0")).release_version, 0U);
    EXPECT_EQ(packages.add(TestPackage("hello", "2.0")).release_version, 2U);
    packages.remove(coordinate_of("hello", "0.9"));
    EXPECT_EQ(packages.add(TestPackage("hello", "3.0")).release_version, 3U);
}

TEST_P(PackagesTest, AreListedByNameThenVersion) {
    for (const char* name : {"zeta", "ab-c", "ab"}) {
        for (const char* version : {"2", "10", ".5", "1-1"})
            packages.add(TestPackage(name, version));
    }
    EXPECT_THAT(packages.list("ab"), ElementsAre("ab .5", "ab 1-1", "ab 10", "ab 2"));
    EXPECT_THAT(packages.list(std::nullopt, std::nullopt, 5),
                ElementsAre("ab .5", "ab 1-1", "ab 10", "ab 2", "ab-c .5"));
    EXPECT_THAT(packages.list(std::nullopt, coordinate_of("ab-c", "2"), 2),
                ElementsAre("zeta .5", "zeta 1-1"));
    EXPECT_THAT(packages.list("ab", coordinate_of("ab", "1-5")), ElementsAre("ab 10", "ab 2"));
    EXPECT_THAT(packages.list("ab", coordinate_of("zeta")), IsEmpty());
    EXPECT_THAT(packages.list("abc"), IsEmpty());
    EXPECT_EQ(packages.count(), 12U);
}

TEST_P(PackagesTest, NamesAndVersionsOfAnyLengthAreKept) {
    for (const std::size_t size : {1U, 199U, 200U, 201U, 255U}) {
        const std::string version(size, '.');
        if (size < 2) continue;
        for (const std::string& text : {version + "x", std::string(size, 'v')}) {
            if (text.size() > 255) continue;
            packages.add(TestPackage(std::string(size, 'n'), text));
        }
    }
    const std::vector<std::string> names = packages.list();
    EXPECT_EQ(names.size(), 7U);
    const BlockingRegistry later = open();
    EXPECT_EQ(BlockingPackages(later).list(), names);
}

TEST_P(PackagesTest, ARestartSeesTheSamePackages) {
    packages.add(TestPackage());
    packages.add(TestPackage("hello", "2.0"));
    const BlockingRegistry later = open();
    const BlockingPackages again(later);
    EXPECT_EQ(again.list(), packages.list());
    EXPECT_EQ(again.document(), packages.document());
    EXPECT_EQ(again.add(TestPackage()).outcome, PackageOutcome::unchanged);
    expect_whole(later, coordinate_of("hello"));
    EXPECT_EQ(code_of([&] { later.remove_repository("a/hello"); }), ErrorCode::in_use);
}

TEST_P(PackagesTest, ContentThatIsThereIsNotWrittenAgain) {
    const TestPackage hello;
    registry.push("elsewhere", hello.images[0].layer);
    registry.push("elsewhere", "jar");
    packages.add(hello);
    packages.add(TestPackage("other"));
    // The layer, the configuration and the jar.
    EXPECT_EQ(all_keys(store(), "blobs/").size(), 3U);
}

TEST_P(PackagesTest, AnIndexIsPulledWithAllItsImages) {
    TestPackage hello;
    hello.is_index = true;
    hello.images = {TestImage("one"), TestImage("two")};
    packages.add(hello);
    EXPECT_EQ(registry.get("a/hello", hello.image_digest().to_string()), hello.image());
    expect_valid(store(), registry);
    // The index holds its manifests, the package the index.
    EXPECT_EQ(code_of([&] { registry.remove("a/hello", hello.images[0].digest.to_string()); }),
              ErrorCode::in_use);
    packages.remove(hello.coordinate());
    for (const TestImage& image : hello.images) {
        EXPECT_FALSE(registry.manifest("a/hello", image.digest));
        EXPECT_EQ(registry.blob("a/hello", sha256(image.layer)), std::nullopt);
    }
}

TEST_P(PackagesTest, WhatAPackageUsesCannotBeDeleted) {
    const TestPackage hello;
    packages.add(hello);
    const std::string digest = hello.image_digest().to_string();
    const Error error = error_of([&] { registry.remove("a/hello", digest); });
    EXPECT_EQ(error.code(), ErrorCode::in_use);
    EXPECT_THAT(error.message(), HasSubstr("package hello 1.0"));
    const Error other = error_of([&] { registry.remove_repository("a/hello"); });
    EXPECT_EQ(other.code(), ErrorCode::in_use);
    EXPECT_THAT(other.message(), HasSubstr("package hello 1.0"));
    EXPECT_EQ(code_of([&] { registry.delete_blob("a/hello", sha256(hello.images[0].layer)); }),
              ErrorCode::in_use);
    // A tag is not what the package uses.
    registry.put("a/hello", "latest", hello.image());
    registry.remove("a/hello", "latest");
    expect_whole(registry, hello.coordinate());

    packages.remove(hello.coordinate());
    EXPECT_FALSE(registry.manifest("a/hello", hello.image_digest()));
    registry.remove_repository("a/hello");
}

TEST_P(PackagesTest, RemovalLeavesWhatAnotherPackageUses) {
    const TestPackage hello;
    const TestPackage other("other");
    packages.add(hello);
    packages.add(other);
    packages.remove(hello.coordinate());
    EXPECT_EQ(packages.find(hello.coordinate()), std::nullopt);
    expect_whole(registry, other.coordinate());
    expect_valid(store(), registry);
    packages.remove(other.coordinate());
    EXPECT_FALSE(registry.manifest("a/hello", hello.image_digest()));
    EXPECT_EQ(packages.count(), 0U);
    EXPECT_EQ(code_of([&] { packages.remove(other.coordinate()); }), ErrorCode::package_unknown);
}

TEST_P(PackagesTest, RemovalLeavesWhatATagOrAnIndexUses) {
    TestPackage tagged;
    tagged.reference = "tagged";
    packages.add(tagged);
    registry.put("library/tagged", "latest", tagged.image());
    packages.remove(tagged.coordinate());
    EXPECT_EQ(registry.get("library/tagged", "latest"), tagged.image());

    TestPackage listed;
    packages.add(listed);
    const std::string index = index_json({listed.images[0].descriptor()});
    registry.put("a/hello", "all", index);
    packages.remove(listed.coordinate());
    EXPECT_TRUE(registry.manifest("a/hello", listed.image_digest()));
    expect_valid(store(), registry);
}

TEST_P(PackagesTest, RemovalLeavesLayersThatAnotherImageUses) {
    const TestPackage hello;
    packages.add(hello);
    const std::string& layer = hello.images[0].layer;
    const std::string config = "{}";
    registry.push("a/hello", config);
    registry.put("a/hello", "mine",
                 image_json(descriptor_json(config_type, sha256(config), config.size()),
                            {descriptor_json(layer_type, sha256(layer), layer.size())}));
    packages.remove(hello.coordinate());
    EXPECT_EQ(registry.read("a/hello", sha256(layer)), layer);
    EXPECT_EQ(registry.blob("a/hello", sha256(hello.images[0].config)), std::nullopt);
    expect_valid(store(), registry);
}

TEST_P(PackagesTest, ABodyThatBreaksLeavesNoPackage) {
    const std::string bundle = TestPackage().bundle();
    for (std::size_t size = 0; size < bundle.size(); size += 97) {
        ScriptedBody body({bundle.substr(0, size), break_off()});
        EXPECT_EQ(code_of([&] { run_blocking((*registry).packages().add(body)); }),
                  ErrorCode::truncated);
        MemoryBody cut(std::string_view(bundle).substr(0, size));
        EXPECT_THROW(run_blocking((*registry).packages().add(cut)), Error) << size;
    }
    EXPECT_EQ(packages.count(), 0U);
    EXPECT_THAT(registry.repositories().names, IsEmpty());
    EXPECT_EQ(packages.add(bundle).outcome, PackageOutcome::added);
}

TEST_P(PackagesTest, ContentThatIsNotWhatWasAnnouncedLeavesNoPackage) {
    const TestPackage hello;
    std::string bundle = hello.bundle();
    const std::size_t at = bundle.find(hello.images[0].layer);
    ASSERT_NE(at, std::string::npos);
    bundle[at] = 'X';
    EXPECT_EQ(code_of([&] { packages.add(bundle); }), ErrorCode::digest_invalid);
    // Nor when the registry has the true content already.
    registry.push("elsewhere", hello.images[0].layer);
    EXPECT_EQ(code_of([&] { packages.add(bundle); }), ErrorCode::digest_invalid);
    EXPECT_EQ(packages.count(), 0U);
    expect_valid(store(), registry);
}

TEST_P(PackagesTest, BundlesOfAnyPiecesArrive) {
    TestPackage hello;
    hello.file = test_bytes(300'000);
    const std::string bundle = hello.bundle();
    for (const std::size_t buffer : {std::size_t{1}, std::size_t{1000}, std::size_t{1} << 20}) {
        for (const std::size_t count : {std::size_t{1}, std::size_t{3}}) {
            if (buffer == 1 && count > 1) continue;
            RegistryOptions options;
            options.buffer_size = buffer;
            options.max_buffers = count;
            options.pool = std::make_shared<WorkPool>(2);
            TestPackage package = hello;
            if (buffer == 1) package.file = "small";
            package.version = std::to_string(buffer) + "-" + std::to_string(count);
            const BlockingRegistry other = open(options);
            BlockingPackages(other).add(package);
            expect_whole(other, package.coordinate());
        }
    }
}

TEST_P(PackagesTest, ManyAdditionsAtOnceAllArrive) {
    RegistryOptions options;
    options.pool = std::make_shared<WorkPool>(4);
    options.buffer_size = 10'000;
    options.max_buffers = 6;
    const BlockingRegistry shared = open(options);
    std::atomic<int> added = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, i] {
            TestPackage package("hello", std::to_string(i % 4));
            package.file = test_bytes(100'000, static_cast<unsigned>(i % 4));
            const BlockingPackages mine(shared);
            added += mine.add(package).outcome == PackageOutcome::added;
            mine.document();
        });
    }
    for (std::thread& thread : threads) thread.join();
    if (store().capabilities().exclusive) {
        EXPECT_EQ(added, 4);
    }
    const BlockingPackages after(shared);
    EXPECT_EQ(after.count(), 4U);
    for (int i = 0; i < 4; ++i) expect_whole(shared, coordinate_of("hello", std::to_string(i)));
    expect_valid(store(), shared);
}

TEST_P(PackagesTest, AdditionsAndRemovalsBesideEachOtherLeaveWholePackages) {
    RegistryOptions options;
    options.pool = std::make_shared<WorkPool>(4);
    const BlockingRegistry shared = open(options);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&, i] {
            const BlockingPackages mine(shared);
            // All have the same image.
            const TestPackage package("hello", std::to_string(i));
            for (int round = 0; round < 10; ++round) {
                mine.add(package);
                expect_whole(shared, package.coordinate());
                try {
                    shared.remove("a/hello", package.image_digest().to_string());
                    ADD_FAILURE() << "a package's image was deleted";
                } catch (const Error& error) {
                    EXPECT_EQ(error.code(), ErrorCode::in_use);
                }
                if (round < 9) mine.remove(package.coordinate());
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(BlockingPackages(shared).count(), 4U);
    for (int i = 0; i < 4; ++i) expect_whole(shared, coordinate_of("hello", std::to_string(i)));
    expect_valid(store(), shared);
}

/// A body of which a part comes, and then nothing.
class StalledBody final : public BodySource {
 public:
    StalledBody(boost::asio::io_context& context, std::string bytes)
        : timer_(context, std::chrono::hours(1)), rest_(std::move(bytes)) {}

    std::optional<std::uint64_t> length() const noexcept override { return std::nullopt; }
    awaitable<void> wait() override {
        if (rest_.empty()) {
            stalled = true;
            co_await timer_.async_wait(boost::asio::use_awaitable);
        }
    }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        const std::size_t n = std::min(into.size(), rest_.size());
        std::copy_n(rest_.begin(), n, reinterpret_cast<char*>(into.data()));
        rest_.erase(0, n);
        co_return n;
    }

    bool stalled = false;

 private:
    boost::asio::steady_timer timer_;
    std::string rest_;
};

TEST_P(PackagesTest, AnAdditionThatIsGivenUpEndsItsThread) {
    const std::string bundle = TestPackage().bundle();
    for (int i = 0; i < 10; ++i) {
        boost::asio::io_context context;
        auto body =
            std::make_unique<StalledBody>(context, bundle.substr(0, bundle.size() * i / 10));
        const auto adding = [&]() -> awaitable<void> {
            co_await (*registry).packages().add(*body);
        };
        boost::asio::co_spawn(context, adding(), boost::asio::detached);
        while (!body->stalled) context.run_one();
        // The loop's end destroys the coroutine where it waits.
        context.stop();
        // More of them than there are turns: each must have given its turn back.
    }
    EXPECT_EQ(packages.add(bundle).outcome, PackageOutcome::added);
}

TEST_P(PackagesTest, AReadOnlyRegistryShowsAndRefuses) {
    packages.add(TestPackage());
    RegistryOptions options;
    options.read_only = true;
    const BlockingRegistry frozen = open(options);
    const BlockingPackages reader(frozen);
    EXPECT_EQ(reader.count(), 1U);
    EXPECT_EQ(code_of([&] { reader.add(TestPackage("other")); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.import({}); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.remove(coordinate_of("hello")); }), ErrorCode::read_only);
    options.read_only = false;
    options.deletion = false;
    const BlockingRegistry growing = open(options);
    EXPECT_EQ(code_of([&] { BlockingPackages(growing).remove(coordinate_of("hello")); }),
              ErrorCode::unsupported);
}

TEST_P(PackagesTest, AnImportKeepsNumbersAndSelection) {
    const UniverseImport result = packages.import({revision(TestPackage("aa", "1"), 7, true),
                                                   revision(TestPackage("aa", "2"), 3),
                                                   revision(TestPackage("bb"), {}, false)});
    ASSERT_EQ(result.additions.size(), 3U);
    EXPECT_THAT(result.refusals, IsEmpty());
    EXPECT_EQ(packages.find(coordinate_of("aa", "1"))->release_version, 7U);
    EXPECT_EQ(packages.find(coordinate_of("aa", "1"))->selected, true);
    EXPECT_EQ(packages.find(coordinate_of("aa", "2"))->release_version, 3U);
    EXPECT_EQ(packages.find(coordinate_of("bb"))->release_version, 0U);
    EXPECT_EQ(packages.find(coordinate_of("bb"))->selected, false);
    EXPECT_EQ(packages.add(TestPackage("aa", "3")).release_version, 8U);
    // Nothing is held, so everything is where it was.
    EXPECT_THAT(packages.document(), HasSubstr("https://example.com/app.jar"));
}

TEST_P(PackagesTest, AnImportRefusesOrReplacesWhatIsThereWithOtherContent) {
    packages.import({revision(TestPackage("aa"), 7)});
    TestPackage other("aa");
    other.description = "other";
    const UniverseImport refused =
        packages.import({revision(other, 1), revision(TestPackage("bb"), 1)});
    ASSERT_EQ(refused.refusals.size(), 1U);
    EXPECT_EQ(refused.refusals[0].coordinate, coordinate_of("aa"));
    EXPECT_THAT(refused.refusals[0].reason, HasSubstr("description differs"));
    ASSERT_EQ(refused.additions.size(), 1U);

    const UniverseImport replaced = packages.import({revision(other, 1)}, true);
    ASSERT_EQ(replaced.additions.size(), 1U);
    EXPECT_EQ(replaced.additions[0].outcome, PackageOutcome::replaced);
    EXPECT_EQ(packages.find(coordinate_of("aa"))->release_version, 1U);
    EXPECT_EQ(packages.import({revision(other, 2)}).additions[0].outcome,
              PackageOutcome::unchanged);
    EXPECT_EQ(packages.find(coordinate_of("aa"))->release_version, 1U);
    EXPECT_EQ(packages.import({revision(other, 2, true)}, true).additions[0].outcome,
              PackageOutcome::replaced);
    EXPECT_EQ(packages.find(coordinate_of("aa"))->release_version, 2U);
    EXPECT_EQ(all_keys(store(), layout::packages_root).size(), 2U);
}

TEST_P(PackagesTest, ADamagedRecordCostsOnlyItsPackage) {
    packages.add(TestPackage());
    packages.add(TestPackage("other"));
    const std::string prefix = layout::package_prefix(coordinate_of("hello"));
    const std::string key = all_keys(store(), prefix).at(0);
    run_blocking(store().put(ObjectKey(key), "damaged"));
    const BlockingRegistry later = open();
    const BlockingPackages again(later);
    EXPECT_THAT(again.list(), ElementsAre("other 1.0"));
    EXPECT_THAT(again.document(), HasSubstr("other"));
    EXPECT_EQ(code_of([&] { again.find(coordinate_of("hello")); }), ErrorCode::corrupt);
    EXPECT_EQ(again.add(TestPackage()).outcome, PackageOutcome::added);
    expect_whole(later, coordinate_of("hello"));
    EXPECT_EQ(all_keys(store(), prefix).size(), 1U);
}

TEST_P(PackagesTest, RealPackagesAreShownAsTheyWere) {
    const auto universe =
        test::universe_folder("import of 159 real packages into a registry over each store");
    if (!universe) return;
    std::vector<UniverseRevision> revisions;
    std::vector<UniversePackage> direct;
    for (const auto& folder : find_package_folders(*universe / "packages")) {
        std::vector<Problem> problems;
        auto each = read_package_folder(folder, problems);
        if (!each) continue;
        direct.emplace_back(each->metadata, *each->release_version, each->selected,
                            UniversePackage::Locator());
        revisions.push_back(*std::move(each));
    }
    ASSERT_EQ(revisions.size(), 159U);
    const UniverseImport result = packages.import(std::move(revisions));
    EXPECT_EQ(result.additions.size(), 159U);
    EXPECT_THAT(result.refusals, IsEmpty());
    UniverseDocuments documents;
    documents.set_packages(std::move(direct));
    const BlockingRegistry later = open();
    for (const char* release : {"1.8", "1.9", "1.10", "1.11", "1.13", "2.0"}) {
        UniverseDocuments::Request request;
        request.form = *negotiate_repository("", "cosmos/1 dcos/" + std::string(release));
        const RepositoryDocument expected = documents.get(request);
        EXPECT_EQ(packages.document(request), expected.text.str()) << release;
        EXPECT_EQ(run_blocking((*later).packages().document(request)).etag, expected.etag);
    }
}

TEST(PackageRecord, KeepsWhatItIsGiven) {
    TestPackage hello;
    const PackageDraft draft(hello.contents());
    const ObjectKey key(layout::package_prefix(hello.coordinate()) + "id");
    const auto bytes = std::make_shared<const std::string>(encode_record(draft, 42));
    const auto package = decode_record(key, bytes);
    EXPECT_EQ(package->content, draft.content);
    EXPECT_EQ(package->universe.release_version(), 42U);
    EXPECT_EQ(package->resources.at(0).file, "app.jar");
    EXPECT_EQ(package->images.at(0).repository.str(), "a/hello");
    for (std::size_t size = 0; size < bytes->size(); ++size) {
        const auto cut = std::make_shared<const std::string>(bytes->substr(0, size));
        EXPECT_THROW(decode_record(key, cut), Error) << size;
    }
    const ObjectKey other(layout::package_prefix(coordinate_of("other")) + "id");
    EXPECT_EQ(code_of([&] { decode_record(other, bytes); }), ErrorCode::corrupt);
    std::string newer = *bytes;
    newer.replace(newer.find(":1,"), 3, ":2,");
    const auto later = std::make_shared<const std::string>(newer);
    EXPECT_EQ(code_of([&] { decode_record(key, later); }), ErrorCode::incompatible);
}

TEST(PackageRecord, WhiteSpaceDoesNotMakeAnotherPackage) {
    const TestPackage hello;
    const std::string text = hello.metadata();
    std::string spaced = text;
    spaced.insert(1, " \n ");
    const PackageDraft one(UniverseRevision{PackageMetadata::parse(text)});
    const PackageDraft two(UniverseRevision{PackageMetadata::parse(spaced)});
    EXPECT_EQ(one.content, two.content);
    const PackageDraft bundled(hello.contents());
    EXPECT_NE(one.content, bundled.content);
}

TEST(ImageRepository, IsThePathAsDockerReadsIt) {
    const PackageName package = PackageName::parse("hello");
    const auto path = [&](std::string_view reference) {
        return image_repository(reference, package).str();
    };
    EXPECT_EQ(path("ubuntu"), "library/ubuntu");
    EXPECT_EQ(path("ubuntu:18.04"), "library/ubuntu");
    EXPECT_EQ(path("docker.io/ubuntu:18.04"), "library/ubuntu");
    EXPECT_EQ(path("mesosphere/kafka:1.0"), "mesosphere/kafka");
    EXPECT_EQ(path("quay.io/a/b/c:1"), "a/b/c");
    EXPECT_EQ(path("quay.io/a@sha256:" + std::string(64, 'a')), "a");
    EXPECT_EQ(path("localhost/a:1"), "a");
    EXPECT_EQ(path("localhost:5000/a"), "a");
    EXPECT_EQ(path("registry:5000/a:2@sha256:" + std::string(64, 'a')), "a");
    EXPECT_EQ(path("Host/a"), "a");
    EXPECT_EQ(path("example.com/Not A Name"), "hello");
    EXPECT_EQ(path(""), "hello");
}

TEST(ResourcePath, IsEncodedWhereAPathNeedsIt) {
    const PackageCoordinate at = coordinate_of("hello");
    const Digest digest = sha256("x");
    const auto file = [&](const std::string& name) {
        const std::string path = resource_path(at, {"a", digest, 1, name});
        const std::string folder = "/resource/" + at.encoded() + "/" + digest.to_string() + "/";
        EXPECT_TRUE(path.starts_with(folder));
        return path.substr(folder.size());
    };
    EXPECT_EQ(file("app-1.0_x64.tar+gz"), "app-1.0_x64.tar+gz");
    EXPECT_EQ(file("a b%?#\"\xc3\xa4"), "a%20b%25%3F%23%22%C3%A4");
}

}  // namespace
}  // namespace pkgreg
