// end-9 and end-10: deletion of tags, manifests, blobs and whole repositories.
#include "protocol/protocol_test.hpp"

namespace pkgreg {
namespace {

using testing::HasSubstr;

class Deletion : public ProtocolTest {
 protected:
    const TestImage image{"one"};
    const std::string by_digest = manifest_path("a/b", image.digest.to_string());

    void SetUp() override {
        image.push(registry, "a/b", "latest");
        image.push(registry, "a/b", "other");
    }
};
INSTANTIATE_TEST_SUITE_P(Stores, Deletion, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(Deletion, End9DeletesATag) {
    EXPECT_EQ(send("DELETE", manifest_path("a/b", "latest")).status, 202u);
    EXPECT_EQ(get(manifest_path("a/b", "latest")).status, 404u);
    EXPECT_EQ(get(manifest_path("a/b", "other")).status, 200u);
    EXPECT_EQ(get(by_digest).status, 200u);
    const Answer again = send("DELETE", manifest_path("a/b", "latest"));
    EXPECT_EQ(again.status, 404u);
    EXPECT_EQ(again.code(), "MANIFEST_UNKNOWN");
}

TEST_P(Deletion, End9DeletesAManifestWithItsTags) {
    EXPECT_EQ(send("DELETE", by_digest).status, 202u);
    for (const std::string& path :
         {by_digest, manifest_path("a/b", "latest"), manifest_path("a/b", "other")}) {
        EXPECT_EQ(get(path).status, 404u);
    }
    EXPECT_EQ(get("/v2/a/b/tags/list").texts("tags").size(), 0u);
    EXPECT_EQ(send("DELETE", by_digest).status, 404u);
    EXPECT_EQ(send("DELETE", manifest_path("no/such", image.digest.to_string())).status, 404u);
}

TEST_P(Deletion, End10DeletesABlob) {
    const Digest digest = registry.push("a/b", "content");
    EXPECT_EQ(send("DELETE", blob_path("a/b", digest)).status, 202u);
    EXPECT_EQ(get(blob_path("a/b", digest)).status, 404u);
    const Answer again = send("DELETE", blob_path("a/b", digest));
    EXPECT_EQ(again.status, 404u);
    EXPECT_EQ(again.code(), "BLOB_UNKNOWN");
    EXPECT_EQ(send("DELETE", "/v2/a/b/blobs/sha256:x").status, 400u);
}

TEST_P(Deletion, WhatIsReferredToIs405AndSaysByWhat) {
    const Answer blob = send("DELETE", blob_path("a/b", sha256(image.layer)));
    EXPECT_EQ(blob.status, 405u);
    EXPECT_EQ(blob.code(), "DENIED");
    EXPECT_THAT(blob.message(), HasSubstr(image.digest.to_string()));
    const Digest index = registry.put("a/b", "all", index_json({image.descriptor()}));
    const Answer manifest = send("DELETE", by_digest);
    EXPECT_EQ(manifest.status, 405u);
    EXPECT_EQ(manifest.code(), "DENIED");
    EXPECT_THAT(manifest.message(), HasSubstr(index.to_string()));
    EXPECT_EQ(get(by_digest).status, 200u);
}

TEST_P(Deletion, AWholeRepositoryGoesInOneCall) {
    image.push(registry, "a", "stays");
    EXPECT_EQ(send("DELETE", "/v2/a/b").status, 202u);
    EXPECT_EQ(get("/v2/a/b/tags/list").status, 404u);
    EXPECT_EQ(get(by_digest).status, 404u);
    EXPECT_EQ(get(blob_path("a/b", sha256(image.layer))).status, 404u);
    EXPECT_EQ(get("/v2/_catalog").texts("repositories"), std::vector<std::string>{"a"});
    EXPECT_EQ(get(manifest_path("a", "stays")).status, 200u);
    const Answer again = send("DELETE", "/v2/a/b");
    EXPECT_EQ(again.status, 404u);
    EXPECT_EQ(again.code(), "NAME_UNKNOWN");
}

TEST_P(Deletion, SwitchedOffIs405ForEachKind) {
    RegistryOptions options;
    options.deletion = false;
    reopen(options);
    for (const std::string& path :
         {manifest_path("a/b", "latest"), by_digest, blob_path("a/b", sha256(image.layer)),
          std::string("/v2/a/b")}) {
        const Answer answer = send("DELETE", path);
        EXPECT_EQ(answer.status, 405u) << path;
        EXPECT_EQ(answer.code(), "UNSUPPORTED") << path;
    }
    EXPECT_EQ(get(manifest_path("a/b", "latest")).status, 200u);
    // An upload is not content yet: it can be given up.
    EXPECT_EQ(send("DELETE", begin("a/b")).status, 204u);
}

}  // namespace
}  // namespace pkgreg
