// end-8, end-12 and the catalog: lists, and the links that lead through them.
#include "protocol/protocol_test.hpp"

#include <algorithm>

namespace pkgreg {
namespace {

using Names = std::vector<std::string>;

class ListProtocol : public ProtocolTest {
 protected:
    /// Follows `Link` from `target` to the end; all entries, and that every page is as full as
    /// asked.
    template <class Entries>
    Names follow(std::string target, std::size_t n, Entries entries) const {
        Names all;
        for (int pages = 0; pages < 50; ++pages) {
            const Answer answer = get_and_head(target);
            EXPECT_EQ(answer.status, 200u) << target;
            const Names page = entries(answer);
            all.insert(all.end(), page.begin(), page.end());
            target = answer.next();
            if (target.empty()) return all;
            EXPECT_EQ(page.size(), n);
        }
        ADD_FAILURE() << "the links do not end";
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(Stores, ListProtocol, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(ListProtocol, End8aListsTags) {
    const TestImage image("one");
    for (const char* tag : {"b", "a", "B", "a.1", "a-1", "1"}) image.push(registry, "a/b", tag);
    const Answer answer = get_and_head("/v2/a/b/tags/list");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_EQ(answer.body, R"({"name":"a/b","tags":["1","B","a","a-1","a.1","b"]})");
    EXPECT_FALSE(answer.has("Link"));
}

TEST_P(ListProtocol, TagsOfAnUnknownRepositoryAre404AndNoTagsAreAnEmptyList) {
    const Answer unknown = get_and_head("/v2/a/b/tags/list");
    EXPECT_EQ(unknown.status, 404u);
    EXPECT_EQ(unknown.code(), "NAME_UNKNOWN");
    TestImage("one").push(registry, "a/b");
    EXPECT_EQ(get("/v2/a/b/tags/list").body, R"({"name":"a/b","tags":[]})");
}

TEST_P(ListProtocol, End8bPagesThroughTags) {
    const TestImage image("one");
    Names tags = {"0", "A", "a", "a-b", "a.b", "a_b", "z"};
    for (const std::string& tag : tags) image.push(registry, "a/b", tag);
    const auto entries = [](const Answer& answer) { return answer.texts("tags"); };
    for (std::size_t n = 1; n <= tags.size() + 1; ++n) {
        EXPECT_EQ(follow("/v2/a/b/tags/list?n=" + std::to_string(n), n, entries), tags) << n;
    }
    EXPECT_EQ(get("/v2/a/b/tags/list?last=a-b").texts("tags"), (Names{"a.b", "a_b", "z"}));
    EXPECT_EQ(get("/v2/a/b/tags/list?n=1&last=a-a").texts("tags"), Names{"a-b"});
    EXPECT_EQ(get("/v2/a/b/tags/list?last=zz").texts("tags"), Names{});
    EXPECT_EQ(get("/v2/a/b/tags/list?n=1").next(), "/v2/a/b/tags/list?n=1&last=0");
}

TEST_P(ListProtocol, AnyNIsUnderstoodOrRefused) {
    TestImage("one").push(registry, "a/b", "latest");
    for (const std::string list : {"/v2/a/b/tags/list", "/v2/_catalog"}) {
        const std::string member = list == "/v2/_catalog" ? "repositories" : "tags";
        const Answer none = get_and_head(list + "?n=0");
        EXPECT_EQ(none.status, 200u);
        EXPECT_EQ(none.texts(member), Names{});
        EXPECT_FALSE(none.has("Link"));
        for (const char* n : {"1", "1000", "1001", "99999999999999999999999", "0001"}) {
            EXPECT_EQ(get(list + "?n=" + n).texts(member).size(), 1u) << n;
        }
        for (const char* n : {"", "-1", "x", "1x", "1.5", "%201", "+1", "0x10"}) {
            const Answer refused = get_and_head(list + "?n=" + n);
            EXPECT_EQ(refused.status, 400u) << n;
            EXPECT_EQ(refused.code(), "UNSUPPORTED") << n;
        }
    }
    EXPECT_EQ(get("/v2/no/such/tags/list?n=0").status, 404u);
}

TEST_P(ListProtocol, MoreThanAThousandComeInPagesOfAThousand) {
    const TestImage image("one");
    image.push_blobs(registry, "a");
    Names tags;
    for (int i = 0; i < 1500; ++i) tags.push_back("t" + std::to_string(10'000 + i));
    registry.put("a", image.digest.to_string(), image.manifest, std::nullopt, tags);
    const auto entries = [](const Answer& answer) { return answer.texts("tags"); };
    EXPECT_EQ(follow("/v2/a/tags/list", 1000, entries), tags);
    EXPECT_EQ(follow("/v2/a/tags/list?n=5000", 1000, entries), tags);
}

TEST_P(ListProtocol, TheCatalogListsRepositories) {
    EXPECT_EQ(get_and_head("/v2/_catalog").body, R"({"repositories":[]})");
    const TestImage image("one");
    Names names = {"a-b", "a.b", "a/b", "a0", "b"};
    for (const std::string& name : names) image.push(registry, name, "latest");
    EXPECT_EQ(get("/v2/_catalog").body, R"({"repositories":["a-b","a.b","a/b","a0","b"]})");
    const auto entries = [](const Answer& answer) { return answer.texts("repositories"); };
    for (std::size_t n = 1; n <= names.size() + 1; ++n) {
        EXPECT_EQ(follow("/v2/_catalog?n=" + std::to_string(n), n, entries), names) << n;
    }
    EXPECT_EQ(get("/v2/_catalog?n=3").next(), "/v2/_catalog?n=3&last=a%2Fb");
    EXPECT_EQ(get("/v2/_catalog?last=a%2Fa").texts("repositories"), (Names{"a/b", "a0", "b"}));
}

TEST_P(ListProtocol, End12aListsReferrersAsAnIndex) {
    const TestImage subject("subject");
    const std::string path = "/v2/a/b/referrers/" + subject.digest.to_string();
    const std::string index_type(media_types::oci_index);
    const std::string empty =
        "{\"schemaVersion\":2,\"mediaType\":\"" + index_type + "\",\"manifests\":[]}";
    const Answer nothing = get_and_head(path);
    EXPECT_EQ(nothing.status, 200u) << "also in a repository that does not exist";
    EXPECT_EQ(nothing.body, empty);
    EXPECT_EQ(nothing.field("Content-Type"), index_type);
    const TestImage referrer("sig",
                             ",\"artifactType\":\"x/sig\",\"annotations\":{\"a\":\"b\"},"
                             "\"subject\":" +
                                 subject.descriptor());
    referrer.push(registry, "a/b");
    const Answer answer = get_and_head(path);
    EXPECT_EQ(
        answer.body,
        "{\"schemaVersion\":2,\"mediaType\":\"" + index_type + "\",\"manifests\":[" +
            descriptor_json(media_types::oci_manifest, referrer.digest, referrer.manifest.size(),
                            ",\"artifactType\":\"x/sig\",\"annotations\":{\"a\":\"b\"}") +
            "]}");
    EXPECT_FALSE(answer.has("OCI-Filters-Applied"));
    EXPECT_EQ(get("/v2/a/b/referrers/sha256%3A" + subject.digest.hex()).digests().size(), 1u);
    for (const char* digest : {"x", "sha256:x", "latest", "md5:00"}) {
        const Answer invalid = get_and_head("/v2/a/b/referrers/" + std::string(digest));
        EXPECT_EQ(invalid.status, 400u);
        EXPECT_EQ(invalid.code(), "DIGEST_INVALID");
    }
}

TEST_P(ListProtocol, End12bFiltersReferrersAndEveryPageLeadsOn) {
    const TestImage subject("subject");
    Names all;
    Names filtered;
    for (int i = 0; i < 6; ++i) {
        const std::string type = i % 2 == 0 ? "x/a+b" : "x/other";
        const TestImage referrer(std::to_string(i), ",\"artifactType\":\"" + type +
                                                        "\",\"subject\":" + subject.descriptor());
        const std::string digest = referrer.push(registry, "a/b").to_string();
        all.push_back(digest);
        if (i % 2 == 0) filtered.push_back(digest);
    }
    std::sort(all.begin(), all.end());
    std::sort(filtered.begin(), filtered.end());
    const std::string path = "/v2/a/b/referrers/" + subject.digest.to_string();
    const auto entries = [](const Answer& answer) { return answer.digests(); };
    const auto entries_of_filter = [](const Answer& answer) {
        EXPECT_EQ(answer.field("OCI-Filters-Applied"), "artifactType");
        return answer.digests();
    };
    for (std::size_t n = 1; n <= 7; ++n) {
        const std::string size = "n=" + std::to_string(n);
        EXPECT_EQ(follow(path + "?" + size, n, entries), all) << n;
        EXPECT_EQ(follow(path + "?artifactType=x%2Fa%2Bb&" + size, n, entries_of_filter), filtered)
            << n;
    }
    EXPECT_EQ(follow(path + "?artifactType=x/none", 0, entries_of_filter), Names{});
    EXPECT_EQ(get(path + "?n=0").digests(), Names{});
    EXPECT_EQ(get(path + "?n=x").status, 400u);
}

}  // namespace
}  // namespace pkgreg
