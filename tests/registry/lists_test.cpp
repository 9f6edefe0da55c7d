// Listings of tags and repositories: byte order, and every page size leads through all of it once.
#include "registry/engine_test.hpp"
#include "registry/layout.hpp"

#include <algorithm>

namespace pkgreg {
namespace {

class Lists : public EngineTest {};
INSTANTIATE_TEST_SUITE_P(Stores, Lists, testing::ValuesIn(store_kinds()), kind_name);

using Names = std::vector<std::string>;

/// All names, in pages of `n`; every page but the last one is full.
template <class Page>
Names page_through(std::size_t n, Page page_after) {
    Names all;
    while (true) {
        const NamePage page = page_after(all.empty() ? std::string() : all.back(), n);
        EXPECT_LE(page.names.size(), n);
        EXPECT_TRUE(!page.more || page.names.size() == n);
        all.insert(all.end(), page.names.begin(), page.names.end());
        if (!page.more) return all;
        if (all.size() > 100) break;
    }
    ADD_FAILURE() << "the listing does not end";
    return all;
}

TEST_P(Lists, TagsComeInByteOrderWithEveryPageSize) {
    Names tags = {"a", "B", "a-b", "a.b", "a_b", "a0", "A", "_", "0", "1.10", "1.9", "z"};
    const TestImage image("one");
    image.push_blobs(registry, "r");
    registry.put("r", image.digest.to_string(), image.manifest, std::nullopt, tags);
    registry.put("r", image.digest.to_string(), image.manifest);
    image.push(registry, "r/other", "elsewhere");
    std::sort(tags.begin(), tags.end());
    for (std::size_t n = 1; n <= tags.size() + 2; ++n) {
        EXPECT_EQ(page_through(n, [&](const std::string& last,
                                      std::size_t size) { return registry.tags("r", last, size); }),
                  tags)
            << n;
    }
    EXPECT_FALSE(registry.tags("r", "", tags.size()).more) << "a full last page has nothing behind";
    EXPECT_EQ(registry.tags("r", "", 5000).names, tags);
}

TEST_P(Lists, TagsGoOnBehindAnyText) {
    const TestImage image("one");
    image.push_blobs(registry, "r");
    registry.put("r", "b", image.manifest, std::nullopt, {"d", "f"});
    EXPECT_EQ(registry.tags("r", "a").names, (Names{"b", "d", "f"}));
    EXPECT_EQ(registry.tags("r", "b").names, (Names{"d", "f"}));
    EXPECT_EQ(registry.tags("r", "c").names, (Names{"d", "f"}));
    EXPECT_EQ(registry.tags("r", "f").names, Names{});
    EXPECT_EQ(registry.tags("r", "zzz").names, Names{});
    EXPECT_EQ(registry.tags("r", "../..").names, (Names{"b", "d", "f"}));
    EXPECT_EQ(registry.tags("r", std::string(5000, 'e')).names, Names{"f"});
    EXPECT_EQ(registry.tags("r", std::string("c\0\xff", 3)).names, (Names{"d", "f"}));
}

TEST_P(Lists, APageOfNoTagsIsEmptyAndTheLast) {
    TestImage("one").push(registry, "r", "latest");
    EXPECT_EQ(registry.tags("r", "", 0).names, Names{});
    EXPECT_FALSE(registry.tags("r", "", 0).more);
    EXPECT_EQ(registry.repositories("", 0).names, Names{});
    EXPECT_FALSE(registry.repositories("", 0).more);
}

TEST_P(Lists, ARepositoryIsKnownOnceItHeldAManifest) {
    const auto is_unknown = [&](std::string_view name) {
        return code_of([&] { registry.tags(name); }) == ErrorCode::name_unknown;
    };
    EXPECT_TRUE(is_unknown("r"));
    EXPECT_EQ(code_of([&] { registry.tags("r", "", 0); }), ErrorCode::name_unknown);
    registry.push("r", "a blob alone");
    EXPECT_TRUE(is_unknown("r"));
    const Digest digest = TestImage("one").push(registry, "r");
    EXPECT_EQ(registry.tags("r").names, Names{}) << "known, without a tag";
    EXPECT_TRUE(is_unknown("r/s"));
    registry.remove("r", digest.to_string());
    EXPECT_EQ(registry.tags("r").names, Names{});
}

TEST_P(Lists, RepositoriesComeInByteOrderWithEveryPageSize) {
    Names names = {"a",     "a-b",   "a.b",     "a/b", "a0",   "a_b", "ab",
                   "a/b/c", "a/b-c", "a-b/c.d", "b",   "a--b", "0",   std::string(230, 'a')};
    const TestImage image("one");
    for (const std::string& name : names) image.push(registry, name, "latest");
    std::sort(names.begin(), names.end());
    for (std::size_t n = 1; n <= names.size() + 2; ++n) {
        EXPECT_EQ(
            page_through(n, [&](const std::string& last,
                                std::size_t size) { return registry.repositories(last, size); }),
            names)
            << n;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        EXPECT_EQ(registry.repositories(names[i]).names,
                  Names(names.begin() + static_cast<std::ptrdiff_t>(i) + 1, names.end()));
    }
}

TEST_P(Lists, RepositoriesGoOnBehindANameThatDoesNotExist) {
    const TestImage image("one");
    for (const char* name : {"b", "b-x", "b/x", "d"}) image.push(registry, name, "latest");
    EXPECT_EQ(registry.repositories("a").names, (Names{"b", "b-x", "b/x", "d"}));
    EXPECT_EQ(registry.repositories("b-a").names, (Names{"b-x", "b/x", "d"}));
    EXPECT_EQ(registry.repositories("b.x").names, (Names{"b/x", "d"}));
    EXPECT_EQ(registry.repositories("b0").names, Names{"d"});
    EXPECT_EQ(registry.repositories("b/x/y").names, Names{"d"});
    EXPECT_EQ(registry.repositories("zzz").names, Names{});
    EXPECT_EQ(registry.repositories(std::string(1000, 'c')).names, Names{"d"});
}

TEST_P(Lists, EntriesThatSeveralInstancesMadeCountOnce) {
    Names names = {"a", "b", "c"};
    const TestImage image("one");
    for (const std::string& name : names) {
        image.push(registry, name, "latest");
        for (int i = 0; i < 3; ++i) {
            const ObjectKey key = layout::new_key(layout::catalog_prefix(name));
            run_blocking(store().put(key, ""));
        }
    }
    for (std::size_t n = 1; n <= 4; ++n) {
        EXPECT_EQ(
            page_through(n, [&](const std::string& last,
                                std::size_t size) { return registry.repositories(last, size); }),
            names)
            << n;
    }
    EXPECT_FALSE(registry.repositories("", 3).more);
}

TEST_P(Lists, ALargePageIsCutToAThousand) {
    const TestImage image("one");
    image.push_blobs(registry, "r");
    Names tags;
    for (int i = 0; i < 1001; ++i) tags.push_back("t" + std::to_string(10'000 + i));
    registry.put("r", image.digest.to_string(), image.manifest, std::nullopt, tags);
    const NamePage page = registry.tags("r", "", 5000);
    EXPECT_EQ(page.names.size(), 1000u);
    EXPECT_TRUE(page.more);
    EXPECT_EQ(registry.tags("r", page.names.back(), 5000).names, Names{tags.back()});
}

}  // namespace
}  // namespace pkgreg
