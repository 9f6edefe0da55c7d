// Packages of a storage that two instances share: whatever one does between two steps of the other,
// a package that was acknowledged has all that it needs.
#include "registry/package_test.hpp"
#include "registry/two_instances.hpp"

namespace pkgreg {
namespace {

void add_hello(const BlockingRegistry& registry) {
    BlockingPackages(registry).add(TestPackage());
}
void add_other(const BlockingRegistry& registry) {
    BlockingPackages(registry).add(TestPackage("other"));
}
TestPackage changed_package() {
    TestPackage package;
    package.description = "changed";
    package.file = "changed";
    return package;
}
void add_changed(const BlockingRegistry& registry) {
    BlockingPackages(registry).add(changed_package());
}
void replace_with_changed(const BlockingRegistry& registry) {
    BlockingPackages(registry).add(changed_package(), true);
}
void remove_hello(const BlockingRegistry& registry) {
    BlockingPackages(registry).remove(coordinate_of("hello"));
}
void delete_image(const BlockingRegistry& registry) {
    registry.remove("a/hello", TestPackage().image_digest().to_string());
}
void push_image(const BlockingRegistry& registry) {
    TestPackage().images[0].push(registry, "a/hello");
}
void nothing(const BlockingRegistry&) {}

/// A later instance sees a whole package of that name.
void expect_there(TwoInstances& both, const char* name) {
    const BlockingRegistry later(std::make_shared<ManyWritersStore>(both.memory));
    expect_whole(later, coordinate_of(name));
    expect_whole(both.first, coordinate_of(name));
    expect_whole(both.second, coordinate_of(name));
}

TEST(PackagesRaces, AnAdditionBesideTheDeletionOfItsImage) {
    interleave(push_image, add_hello, delete_image, [](auto& both, bool added, bool) {
        EXPECT_TRUE(added);
        expect_there(both, "hello");
    });
    interleave(push_image, delete_image, add_hello, [](auto& both, bool, bool added) {
        EXPECT_TRUE(added);
        expect_there(both, "hello");
    });
}

TEST(PackagesRaces, ARemovalBesideAPushOfItsImageUnderATag) {
    const auto tag_image = [](const BlockingRegistry& registry) {
        registry.put("a/hello", "latest", TestPackage().images[0].manifest);
    };
    interleave(add_hello, remove_hello, tag_image, [](auto& both, bool, bool tagged) {
        EXPECT_EQ(both.second.get("a/hello", "latest").has_value(), tagged);
    });
    interleave(add_hello, tag_image, remove_hello, [](auto& both, bool tagged, bool) {
        EXPECT_EQ(both.second.get("a/hello", "latest").has_value(), tagged);
    });
}

TEST(PackagesRaces, AnAdditionBesideTheRemovalOfAnotherPackageWithTheSameImage) {
    interleave(add_hello, add_other, remove_hello, [](auto& both, bool added, bool) {
        EXPECT_TRUE(added);
        expect_there(both, "other");
    });
    interleave(add_hello, remove_hello, add_other, [](auto& both, bool, bool added) {
        EXPECT_TRUE(added);
        expect_there(both, "other");
    });
}

TEST(PackagesRaces, AnAdditionBesideTheRemovalOfAnotherPackageWithTheSameIndex) {
    const auto add = [](const BlockingRegistry& registry, const char* name) {
        TestPackage package(name);
        package.is_index = true;
        package.images = {TestImage("one"), TestImage("two")};
        BlockingPackages(registry).add(package);
    };
    const auto prepare = [&](const BlockingRegistry& registry) { add(registry, "hello"); };
    const auto act = [&](const BlockingRegistry& registry) { add(registry, "other"); };
    interleave(prepare, act, remove_hello, [](auto& both, bool added, bool) {
        EXPECT_TRUE(added);
        expect_there(both, "other");
    });
    interleave(prepare, remove_hello, act, [](auto& both, bool, bool added) {
        EXPECT_TRUE(added);
        expect_there(both, "other");
    });
}

TEST(PackagesRaces, TwoAdditionsOfTheSamePackageBothSucceed) {
    interleave(nothing, add_hello, add_hello, [](auto& both, bool first, bool second) {
        EXPECT_TRUE(first);
        EXPECT_TRUE(second);
        expect_there(both, "hello");
        EXPECT_EQ(BlockingPackages(both.first).count(), 1U);
        remove_hello(both.first);
        EXPECT_EQ(BlockingPackages(both.second).count(), 0U);
    });
}

TEST(PackagesRaces, OfTwoDifferentContentsNoneIsAcknowledgedAndLost) {
    interleave(nothing, add_hello, add_changed, [](auto& both, bool first, bool second) {
        EXPECT_NE(first, second) << "one of them is taken, whatever happens";
        const auto info = BlockingPackages(both.first).find(coordinate_of("hello"));
        EXPECT_EQ(info.has_value(), first || second);
        if (!info) return;
        expect_there(both, "hello");
        const std::string file = first ? "jar" : "changed";
        EXPECT_EQ(info->resources.at(0).digest, sha256(file));
    });
}

TEST(PackagesRaces, AReplacementBesideARemovalOrAnAddition) {
    interleave(add_hello, replace_with_changed, remove_hello, [](auto& both, bool first, bool) {
        EXPECT_TRUE(first);
        if (BlockingPackages(both.first).count() != 0) expect_there(both, "hello");
    });
    interleave(add_hello, remove_hello, replace_with_changed, [](auto& both, bool, bool second) {
        EXPECT_TRUE(second);
        if (BlockingPackages(both.first).count() != 0) expect_there(both, "hello");
    });
    interleave(add_hello, replace_with_changed, replace_with_changed,
               [](auto& both, bool first, bool second) {
                   EXPECT_TRUE(first && second);
                   expect_there(both, "hello");
               });
}

}  // namespace
}  // namespace pkgreg
