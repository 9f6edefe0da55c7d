// Tags as a store keeps them: one object that is written again, or one for each move.
#include "registry/tags.hpp"

#include "registry/engine_test.hpp"
#include "registry/layout.hpp"
#include "registry/many_writers_store.hpp"

#include <gmock/gmock.h>

namespace pkgreg {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const RepositoryName name = RepositoryName::parse("r");
const Digest one = sha256("one");
const Digest two = sha256("two");
const Digest three = sha512("three");

class TagsTest : public testing::TestWithParam<StoreKind> {
 protected:
    void put(std::string_view tag, const Digest& digest) {
        run_blocking(tags.put(name, Tag::parse(tag), digest));
    }
    /// An object that a writer left behind which ended too early, or that was copied here.
    void put_version(std::string_view tag, std::uint64_t order, const Digest& digest) {
        put_object(layout::new_tag_key(name, Tag::parse(tag), order, digest), digest);
    }
    void put_plain(std::string_view tag, const Digest& digest) {
        put_object(layout::tag_key(name, Tag::parse(tag)), digest);
    }
    std::optional<Digest> find(std::string_view tag) {
        return run_blocking(tags.find(name, Tag::parse(tag)));
    }
    bool remove(std::string_view tag) { return run_blocking(tags.remove(name, Tag::parse(tag))); }
    NamePage list(std::string_view last = "", std::size_t n = 1000) {
        return run_blocking(tags.list(name, last, n));
    }
    std::vector<std::string> keys() { return all_keys(store()); }
    ObjectStore& store() { return *under_test_.store; }

 private:
    void put_object(const ObjectKey& key, const Digest& digest) {
        run_blocking(store().put(key, digest.to_string() + "\n"));
    }

    TestStore under_test_ = GetParam().make();

 protected:
    Tags tags{under_test_.store};
};
INSTANTIATE_TEST_SUITE_P(Stores, TagsTest, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(TagsTest, a_tag_names_what_it_was_moved_to_last) {
    EXPECT_EQ(find("a"), std::nullopt);
    for (const Digest& digest : {one, two, three, one}) {
        put("a", digest);
        EXPECT_EQ(find("a"), digest);
        EXPECT_EQ(keys().size(), 1u);
    }
    EXPECT_TRUE(remove("a"));
    EXPECT_FALSE(remove("a"));
    EXPECT_EQ(find("a"), std::nullopt);
    EXPECT_THAT(keys(), IsEmpty());
}

TEST_P(TagsTest, tags_that_begin_alike_are_strangers) {
    const std::vector<std::string> all = {"a", "a-b", "a.b", "a0", "aB", "a_", "aa"};
    for (const std::string& tag : all) put(tag, sha256(tag));
    for (const std::string& tag : all) EXPECT_EQ(find(tag), sha256(tag)) << tag;
    EXPECT_EQ(list().names, all);
    EXPECT_TRUE(remove("a"));
    EXPECT_EQ(find("a"), std::nullopt);
    EXPECT_EQ(list().names.size(), all.size() - 1);
}

TEST_P(TagsTest, the_longest_tags_have_keys) {
    const std::string longest(Tag::max_length, 'x');
    for (const Digest& digest : {one, three, two}) {
        put(longest, digest);
        EXPECT_EQ(find(longest), digest);
    }
}

TEST_P(TagsTest, pages_hold_as_many_tags_as_are_asked_for) {
    for (const char* tag : {"a", "b", "c"}) {
        put(tag, one);
        for (std::uint64_t order = 20; order < 40; ++order) put_version(tag, order, two);
    }
    EXPECT_THAT(list().names, ElementsAre("a", "b", "c"));
    NamePage page = list("", 2);
    EXPECT_THAT(page.names, ElementsAre("a", "b"));
    EXPECT_TRUE(page.more);
    page = list("b", 2);
    EXPECT_THAT(page.names, ElementsAre("c"));
    EXPECT_FALSE(page.more);
    page = list("", 3);
    EXPECT_EQ(page.names.size(), 3u);
    EXPECT_FALSE(page.more);
    EXPECT_THAT(list("c").names, IsEmpty());
    EXPECT_THAT(list("aa", 1).names, ElementsAre("b"));
    EXPECT_THAT(list("", 0).names, IsEmpty());
}

TEST_P(TagsTest, of_several_objects_the_newest_counts_and_a_move_clears_up) {
    for (const std::uint64_t order : {9u, 10u, 0x100u, 11u}) put_version("a", order, one);
    put_version("a", 0x101, two);
    EXPECT_EQ(find("a"), two);
    put("a", three);
    EXPECT_EQ(find("a"), three);
    EXPECT_EQ(keys().size(), 1u);
    EXPECT_EQ(layout::order_of_tag_key(keys().front()), 0x102u);
}

TEST_P(TagsTest, nothing_older_comes_back_after_a_removal) {
    for (std::uint64_t order = 1; order < 12; ++order) put_version("a", order, one);
    put_version("a", 12, two);
    run_blocking(tags.remove_those_of(name, one));
    EXPECT_EQ(find("a"), two) << "the tag has moved on";
    run_blocking(tags.remove_those_of(name, two));
    EXPECT_EQ(find("a"), std::nullopt);
    EXPECT_THAT(keys(), IsEmpty());
}

TEST_P(TagsTest, a_storage_that_was_copied_from_another_kind_is_understood) {
    put_plain("plain", one);
    put_version("version", 3, one);
    for (const char* tag : {"plain", "version"}) {
        EXPECT_EQ(find(tag), one) << tag;
        put(tag, two);
        EXPECT_EQ(find(tag), two) << tag;
    }
    EXPECT_EQ(keys().size(), 2u);
    EXPECT_THAT(run_blocking(tags.targets(name)), ElementsAre(two));
    run_blocking(tags.remove_those_of(name, two));
    EXPECT_THAT(keys(), IsEmpty());
}

TEST_P(TagsTest, damage_is_told) {
    put("a", three);
    run_blocking(store().put(ObjectKey(keys().front()), "no digest"));
    EXPECT_EQ(code_of([&] { find("a"); }), ErrorCode::corrupt);
}

}  // namespace
}  // namespace pkgreg
