// Blobs: content once per registry, served only by repositories that it was linked into.
#include "registry/engine_test.hpp"
#include "registry/layout.hpp"

namespace pkgreg {
namespace {

class Blobs : public EngineTest {
 protected:
    std::size_t copies() const { return all_keys(store(), "blobs/").size(); }
};
INSTANTIATE_TEST_SUITE_P(Stores, Blobs, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(Blobs, WhatWasPushedIsServed) {
    const Digest digest = registry.push("a/b", "content");
    ASSERT_TRUE(registry.blob("a/b", digest));
    EXPECT_EQ(registry.blob("a/b", digest)->digest, digest);
    EXPECT_EQ(registry.blob("a/b", digest)->size, 7u);
    EXPECT_EQ(registry.read("a/b", digest), "content");
    EXPECT_EQ(registry.read("a/b", digest, ByteRange::between(1, 3)), "ont");
    EXPECT_EQ(registry.read("a/b", digest, ByteRange::suffix(2)), "nt");
    EXPECT_EQ(registry.read("a/b", digest, ByteRange::from(7)), std::nullopt);
    EXPECT_EQ(registry.blob("a/b", sha256("other")), std::nullopt);
    EXPECT_EQ(registry.read("a/b", sha256("other")), std::nullopt);
}

TEST_P(Blobs, BothAlgorithmsAndTheEmptyBlobAreServed) {
    for (const DigestAlgorithm algorithm : {DigestAlgorithm::sha256, DigestAlgorithm::sha512}) {
        EXPECT_EQ(registry.read("a", registry.push("a", "x", algorithm)), "x");
        EXPECT_EQ(registry.read("a", registry.push("a", "", algorithm)), "");
        EXPECT_EQ(registry.blob("a", Hasher::hash(algorithm, ""))->size, 0u);
    }
    expect_valid(store(), registry);
}

TEST_P(Blobs, RepositoryServesOnlyLinkedBlobs) {
    const Digest digest = registry.push("a/b", "content");
    for (const char* other : {"a", "b", "a/b/c", "a-b", "ab", "a/bb"}) {
        EXPECT_EQ(registry.blob(other, digest), std::nullopt) << other;
        EXPECT_EQ(registry.read(other, digest), std::nullopt) << other;
    }
}

TEST_P(Blobs, TheSameContentIsStoredOnce) {
    const Digest digest = registry.push("a", "content");
    registry.push("a", "content");
    registry.push("b", "content");
    EXPECT_EQ(copies(), 1u);
    EXPECT_EQ(registry.read("a", digest), "content");
    EXPECT_EQ(registry.read("b", digest), "content");
    registry.delete_blob("a", digest);
    EXPECT_EQ(registry.read("a", digest), std::nullopt);
    EXPECT_EQ(registry.read("b", digest), "content");
    registry.push("a", "content");
    EXPECT_EQ(registry.read("a", digest), "content");
    EXPECT_EQ(copies(), 1u);
}

TEST_P(Blobs, BlobIsNeverServedUnderAnotherDigest) {
    MemoryBody body("content");
    const Digest wrong = sha256("something else");
    const Error error = error_of([&] { registry.push_as("a", wrong, body); });
    EXPECT_EQ(error.code(), ErrorCode::digest_invalid);
    EXPECT_NE(error.message().find(sha256("content").to_string()), std::string::npos);
    EXPECT_EQ(registry.blob("a", wrong), std::nullopt);
    EXPECT_EQ(registry.blob("a", sha256("content")), std::nullopt);
    EXPECT_EQ(copies(), 0u);
    // An algorithm's digest of the right content under the other's name cannot even be written; the
    // digests of one content in both are different blobs.
    registry.push("a", "content");
    EXPECT_EQ(registry.blob("a", sha512("content")), std::nullopt);
}

TEST_P(Blobs, ABodyThatBreaksOffLeavesNothing) {
    ScriptedBody body({"cont", break_off()});
    EXPECT_EQ(code_of([&] { registry.push_as("a", sha256("content"), body); }),
              ErrorCode::truncated);
    EXPECT_EQ(registry.blob("a", sha256("content")), std::nullopt);
    EXPECT_EQ(all_keys(store()).size(), 1u) << "only the format";
}

TEST_P(Blobs, MountFromARepositoryThatServesIt) {
    const Digest digest = registry.push("from", "content");
    const auto mounted = registry.mount("to", digest, "from");
    ASSERT_TRUE(mounted);
    EXPECT_EQ(mounted->size, 7u);
    EXPECT_EQ(registry.read("to", digest), "content");
    EXPECT_TRUE(registry.mount("to", digest, "from")) << "once more";
    EXPECT_EQ(copies(), 1u);
    registry.delete_blob("from", digest);
    EXPECT_EQ(registry.read("to", digest), "content");
}

TEST_P(Blobs, MountFromARepositoryThatDoesNotServeItGivesNothing) {
    const Digest digest = registry.push("elsewhere", "content");
    EXPECT_EQ(registry.mount("to", digest, "from"), std::nullopt);
    EXPECT_EQ(registry.mount("to", sha256("other"), "elsewhere"), std::nullopt);
    EXPECT_EQ(registry.blob("to", digest), std::nullopt);
}

TEST_P(Blobs, MountWithoutFromTakesItWhereverItIs) {
    const Digest digest = registry.push("elsewhere", "content");
    EXPECT_TRUE(registry.mount("to", digest, std::nullopt));
    EXPECT_EQ(registry.read("to", digest), "content");
    EXPECT_EQ(registry.mount("to", sha256("other"), std::nullopt), std::nullopt);
}

TEST_P(Blobs, DeletionOfWhatIsNotThereIsAnError) {
    EXPECT_EQ(code_of([&] { registry.delete_blob("a", sha256("content")); }),
              ErrorCode::blob_unknown);
    const Digest digest = registry.push("a", "content");
    EXPECT_EQ(code_of([&] { registry.delete_blob("b", digest); }), ErrorCode::blob_unknown);
    registry.delete_blob("a", digest);
    EXPECT_EQ(code_of([&] { registry.delete_blob("a", digest); }), ErrorCode::blob_unknown);
}

TEST_P(Blobs, OneThatAManifestRefersToIsInUse) {
    const TestImage image("one");
    image.push(registry, "a", "latest");
    for (const std::string& bytes : {image.config, image.layer}) {
        const Error error = error_of([&] { registry.delete_blob("a", sha256(bytes)); });
        EXPECT_EQ(error.code(), ErrorCode::in_use);
        EXPECT_NE(error.message().find(image.digest.to_string()), std::string::npos);
        EXPECT_EQ(registry.read("a", sha256(bytes)), bytes);
    }
    // Another repository's manifest does not hold it here, nor does one that is gone.
    image.push_blobs(registry, "b");
    registry.delete_blob("b", sha256(image.layer));
    registry.remove("a", image.digest.to_string());
    registry.delete_blob("a", sha256(image.layer));
}

TEST_P(Blobs, OneThatAManifestRefersToIsInUseAfterAReopening) {
    const TestImage image("one");
    image.push(registry, "a", "latest");
    const BlockingRegistry fresh = open();  // knows nothing of what manifests refer to
    EXPECT_EQ(code_of([&] { fresh.delete_blob("a", sha256(image.layer)); }), ErrorCode::in_use);
    fresh.remove("a", "latest");
    EXPECT_EQ(code_of([&] { fresh.delete_blob("a", sha256(image.layer)); }), ErrorCode::in_use);
}

TEST_P(Blobs, NothingChangesInReadOnlyModeOrWithoutDeletion) {
    const Digest digest = registry.push("a", "content");
    RegistryOptions read_only;
    read_only.read_only = true;
    const BlockingRegistry reader = open(read_only);
    EXPECT_EQ(reader.read("a", digest), "content");
    EXPECT_EQ(code_of([&] { reader.push("a", "more"); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.begin("a"); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.mount("b", digest, "a"); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.delete_blob("a", digest); }), ErrorCode::read_only);

    RegistryOptions keep;
    keep.deletion = false;
    const BlockingRegistry keeper = open(keep);
    keeper.push("a", "more");
    EXPECT_EQ(code_of([&] { keeper.delete_blob("a", digest); }), ErrorCode::unsupported);
    EXPECT_EQ(keeper.read("a", digest), "content");
}

TEST_P(Blobs, ALinkWithoutItsContentServesNothing) {
    const Digest digest = registry.push("a", "content");
    for (const std::string& key : all_keys(store(), "blobs/")) {
        run_blocking(store().remove(ObjectKey(key)));
    }
    EXPECT_EQ(registry.blob("a", digest), std::nullopt);
    EXPECT_EQ(registry.read("a", digest), std::nullopt);
    EXPECT_EQ(registry.mount("b", digest, "a"), std::nullopt);
    // And a push brings it back.
    registry.push("a", "content");
    EXPECT_EQ(registry.read("a", digest), "content");
}

}  // namespace
}  // namespace pkgreg
