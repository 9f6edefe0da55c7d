// Manifests and tags: what is accepted, what it holds, and in which order it can go.
#include "registry/engine_test.hpp"

namespace pkgreg {
namespace {

class Manifests : public EngineTest {
 protected:
    std::vector<std::string> tags(std::string_view repository) const {
        return registry.tags(repository).names;
    }
};
INSTANTIATE_TEST_SUITE_P(Stores, Manifests, testing::ValuesIn(store_kinds()), kind_name);

using Names = std::vector<std::string>;

TEST_P(Manifests, TheBytesComeBackAsTheyWerePushed) {
    TestImage image("one");
    image.push_blobs(registry, "a/b");
    // Blanks, line breaks, escapes and unknown members are part of the bytes.
    const std::string bytes =
        " \n" + image.manifest.substr(0, image.manifest.size() - 1) + ",\t\"x\":\"\\u0041\" } \n\n";
    const Digest digest = registry.put("a/b", "latest", bytes);
    EXPECT_EQ(digest, sha256(bytes));
    EXPECT_EQ(registry.get("a/b", "latest"), bytes);
    EXPECT_EQ(registry.get("a/b", digest.to_string()), bytes);
    EXPECT_EQ(registry.manifest("a/b", digest)->media_type, media_types::oci_manifest);
    EXPECT_EQ(registry.manifest("a/b", digest)->digest, digest);
    EXPECT_EQ(registry.get("a/b", "other"), std::nullopt);
    EXPECT_EQ(registry.get("a", "latest"), std::nullopt);
    EXPECT_EQ(registry.get("a/b/c", digest.to_string()), std::nullopt);
    expect_valid(store(), registry);
}

TEST_P(Manifests, TheContentTypeIsKeptWhereTheDocumentSaysNone) {
    const std::string bytes = R"({"schemaVersion":2,"manifests":[]})";
    const Digest digest = registry.put("a", "list", bytes, media_types::docker_list);
    EXPECT_EQ(registry.manifest("a", digest)->media_type, media_types::docker_list);
    const Digest custom =
        registry.put("a", "custom", "{\"any\":1}", "application/vnd.example+json");
    EXPECT_EQ(registry.manifest("a", custom)->media_type, "application/vnd.example+json");
}

TEST_P(Manifests, PushByDigestInBothAlgorithms) {
    const TestImage image("one");
    image.push_blobs(registry, "a");
    for (const Digest& digest : {sha256(image.manifest), sha512(image.manifest)}) {
        EXPECT_EQ(registry.put("a", digest.to_string(), image.manifest), digest);
        EXPECT_EQ(registry.get("a", digest.to_string()), image.manifest);
    }
    EXPECT_EQ(tags("a"), Names{});
    const Error error =
        error_of([&] { registry.put("a", sha256("other").to_string(), image.manifest); });
    EXPECT_EQ(error.code(), ErrorCode::digest_invalid);
    EXPECT_EQ(registry.get("a", sha256("other").to_string()), std::nullopt);
    expect_valid(store(), registry);
}

TEST_P(Manifests, AMissingBlobIsRefusedByName) {
    const TestImage image("one");
    for (const std::string& missing : {image.config, image.layer}) {
        const std::string repository = missing == image.config ? "no-config" : "no-layer";
        registry.push(repository, missing == image.config ? image.layer : image.config);
        registry.push("elsewhere", missing);
        const Error error = error_of([&] { registry.put(repository, "latest", image.manifest); });
        EXPECT_EQ(error.code(), ErrorCode::manifest_blob_unknown);
        EXPECT_NE(error.message().find(sha256(missing).to_string()), std::string::npos);
        EXPECT_EQ(error.detail(), "{\"digest\":\"" + sha256(missing).to_string() + "\"}");
        EXPECT_EQ(registry.get(repository, "latest"), std::nullopt);
        EXPECT_EQ(registry.get(repository, image.digest.to_string()), std::nullopt);
        EXPECT_EQ(code_of([&] { registry.tags(repository); }), ErrorCode::name_unknown);
    }
}

TEST_P(Manifests, AnIndexNeedsItsManifestsOrBlobs) {
    const TestImage image("one");
    const std::string index = index_json({image.descriptor()});
    const Error error = error_of([&] { registry.put("a", "all", index); });
    EXPECT_EQ(error.code(), ErrorCode::manifest_blob_unknown);
    EXPECT_NE(error.message().find(image.digest.to_string()), std::string::npos);
    image.push(registry, "a");
    registry.put("a", "all", index);
    const std::string nested =
        index_json({descriptor_json(media_types::oci_index, sha256(index), index.size())});
    registry.put("a", "nested", nested);
    // An entry may be a blob.
    const Digest blob = registry.push("a", "a blob");
    registry.put("a", "blob", index_json({descriptor_json("text/plain", blob, 6)}));
    EXPECT_EQ(code_of([&] { registry.delete_blob("a", blob); }), ErrorCode::in_use);
    registry.put("a", "empty", index_json({}));
    expect_valid(store(), registry);
}

TEST_P(Manifests, ForeignLayersNeedNotBeHere) {
    const std::string config = "{}";
    registry.push("a", config);
    const std::string config_json = descriptor_json(config_type, sha256(config), 2);
    const Digest away = sha256("far away");
    registry.put(
        "a", "urls",
        image_json(config_json, {descriptor_json(layer_type, away, 8,
                                                 ",\"urls\":[\"https://example.com/layer\"]")}));
    for (const char* type : {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                             "application/vnd.docker.image.rootfs.foreign.diff.tar",
                             "application/vnd.oci.image.layer.nondistributable.v1.tar",
                             "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}) {
        registry.put("a", "foreign", image_json(config_json, {descriptor_json(type, away, 8)}));
    }
    EXPECT_EQ(code_of([&] {
                  registry.put("a", "none",
                               image_json(config_json,
                                          {descriptor_json(layer_type, away, 8, ",\"urls\":[]")}));
              }),
              ErrorCode::manifest_blob_unknown);
    expect_valid(store(), registry);
}

TEST_P(Manifests, OneOverTheLimitIsRefused) {
    RegistryOptions options;
    options.max_manifest_size = 200;
    const BlockingRegistry small = open(options);
    std::string bytes = R"({"mediaType":"application/vnd.example+json"})";
    bytes.resize(200, ' ');
    small.put("a", "fits", bytes);
    bytes.push_back(' ');
    EXPECT_EQ(code_of([&] { small.put("a", "too-large", bytes); }), ErrorCode::too_large);
}

TEST_P(Manifests, OneOfFourMegabytesIsAccepted) {
    std::string bytes = R"({"mediaType":"application/vnd.example+json","pad":")";
    bytes.append(4'000'000 - bytes.size() - 2, 'x').append("\"}");
    const Digest digest = registry.put("a", "large", bytes);
    EXPECT_EQ(registry.get("a", digest.to_string()), bytes);
}

TEST_P(Manifests, ATagMovesAndTheOldManifestStays) {
    const TestImage first("first");
    const TestImage second("second");
    first.push(registry, "a", "latest");
    second.push(registry, "a", "latest");
    EXPECT_EQ(registry.get("a", "latest"), second.manifest);
    EXPECT_EQ(registry.get("a", first.digest.to_string()), first.manifest);
    first.push(registry, "a", "latest");
    EXPECT_EQ(registry.get("a", "latest"), first.manifest);
    EXPECT_EQ(tags("a"), Names{"latest"});
}

TEST_P(Manifests, APushMayBringSeveralTags) {
    const TestImage image("one");
    image.push_blobs(registry, "a");
    registry.put("a", image.digest.to_string(), image.manifest, std::nullopt,
                 {"1", "1.2", "1.2.3", "latest"});
    EXPECT_EQ(tags("a"), (Names{"1", "1.2", "1.2.3", "latest"}));
    registry.put("a", "stable", image.manifest, std::nullopt, {"v1"});
    EXPECT_EQ(tags("a"), (Names{"1", "1.2", "1.2.3", "latest", "stable", "v1"}));
    for (const std::string& tag : tags("a")) EXPECT_EQ(registry.get("a", tag), image.manifest);
}

TEST_P(Manifests, APushRepeatedWholeChangesNothing) {
    const TestImage image("one", ",\"subject\":" + TestImage("subject").descriptor());
    image.push(registry, "a", "latest");
    const std::vector<std::string> keys = all_keys(store());
    image.push(registry, "a", "latest");
    EXPECT_EQ(all_keys(store()), keys);
}

TEST_P(Manifests, DeletingATagLeavesTheManifestAndOtherTags) {
    const TestImage image("one");
    image.push(registry, "a", "one");
    image.push(registry, "a", "two");
    registry.remove("a", "one");
    EXPECT_EQ(tags("a"), Names{"two"});
    EXPECT_EQ(registry.get("a", "one"), std::nullopt);
    EXPECT_EQ(registry.get("a", "two"), image.manifest);
    EXPECT_EQ(code_of([&] { registry.remove("a", "one"); }), ErrorCode::manifest_unknown);
    registry.remove("a", "two");
    EXPECT_EQ(registry.get("a", image.digest.to_string()), image.manifest);
    EXPECT_EQ(tags("a"), Names{});
}

TEST_P(Manifests, DeletingAManifestRemovesItsTagsAndNoOthers) {
    const TestImage image("one");
    const TestImage other("other");
    for (const char* tag : {"one", "two", "three"}) image.push(registry, "a", tag);
    other.push(registry, "a", "other");
    image.push(registry, "b", "one");
    registry.remove("a", image.digest.to_string());
    EXPECT_EQ(tags("a"), Names{"other"});
    EXPECT_EQ(registry.get("a", image.digest.to_string()), std::nullopt);
    EXPECT_EQ(registry.get("b", "one"), image.manifest);
    EXPECT_EQ(code_of([&] { registry.remove("a", image.digest.to_string()); }),
              ErrorCode::manifest_unknown);
    EXPECT_EQ(code_of([&] { registry.remove("nowhere", image.digest.to_string()); }),
              ErrorCode::manifest_unknown);
    expect_valid(store(), registry);
}

TEST_P(Manifests, WhereOneWasFoundBeforeDoesNotDecideWhetherItIsThere) {
    const TestImage image("one");
    const std::string digest = image.digest.to_string();
    image.push(registry, "a", "one");
    image.push(registry, "a/b", "one");
    EXPECT_EQ(registry.get("a", digest), image.manifest);
    EXPECT_EQ(registry.get("a/b", digest), image.manifest);
    registry.remove("a/b", digest);
    EXPECT_EQ(registry.get("a/b", digest), std::nullopt);
    EXPECT_EQ(registry.get("a", digest), image.manifest);
    EXPECT_EQ(registry.get("nowhere", digest), std::nullopt);
    registry.remove("a", digest);
    EXPECT_EQ(registry.get("a", digest), std::nullopt);
    // It comes back under another key.
    image.push(registry, "a", "one");
    EXPECT_EQ(registry.get("a", "one"), image.manifest);
}

TEST_P(Manifests, OneThatAnIndexListsIsInUse) {
    const TestImage image("one");
    image.push(registry, "a", "one");
    const std::string index = index_json({image.descriptor()});
    const Digest index_digest = registry.put("a", "all", index);
    const Error error = error_of([&] { registry.remove("a", image.digest.to_string()); });
    EXPECT_EQ(error.code(), ErrorCode::in_use);
    EXPECT_NE(error.message().find(index_digest.to_string()), std::string::npos);
    EXPECT_EQ(registry.get("a", "one"), image.manifest) << "its tags stay, too";
    registry.remove("a", "one");  // a tag can go
    registry.remove("a", index_digest.to_string());
    registry.remove("a", image.digest.to_string());
    EXPECT_EQ(tags("a"), Names{});
}

TEST_P(Manifests, ASubjectIsNotHeldByItsReferrers) {
    const TestImage image("subject");
    image.push(registry, "a", "subject");
    TestImage("signature", ",\"subject\":" + image.descriptor()).push(registry, "a", "signature");
    registry.remove("a", image.digest.to_string());
    EXPECT_EQ(tags("a"), Names{"signature"});
}

TEST_P(Manifests, DeletingARepositoryRemovesAllOfItAndNothingElse) {
    const TestImage image("one");
    const TestImage signature("signature", ",\"subject\":" + image.descriptor());
    for (const char* repository : {"a", "a/b", "a-b", "ab"}) {
        image.push(registry, repository, "latest");
        signature.push(registry, repository);
        registry.put(repository, "all", index_json({image.descriptor()}));
    }
    registry.remove_repository("a");
    EXPECT_EQ(registry.get("a", "latest"), std::nullopt);
    EXPECT_EQ(registry.get("a", image.digest.to_string()), std::nullopt);
    EXPECT_EQ(registry.blob("a", sha256(image.layer)), std::nullopt);
    EXPECT_EQ(code_of([&] { registry.tags("a"); }), ErrorCode::name_unknown);
    EXPECT_EQ(registry.repositories().names, (Names{"a-b", "a/b", "ab"}));
    EXPECT_TRUE(all_keys(store(), "repositories/a/_").empty());
    for (const char* repository : {"a/b", "a-b", "ab"}) {
        EXPECT_EQ(registry.get(repository, "latest"), image.manifest);
        EXPECT_EQ(registry.referrers(repository, image.digest).descriptors.size(), 1u);
    }
    EXPECT_EQ(code_of([&] { registry.remove_repository("a"); }), ErrorCode::name_unknown);
    image.push(registry, "a", "again");
    EXPECT_EQ(tags("a"), Names{"again"});
    expect_valid(store(), registry);
}

TEST_P(Manifests, NothingChangesInReadOnlyModeOrWithoutDeletion) {
    const TestImage image("one");
    image.push(registry, "a", "latest");
    RegistryOptions read_only;
    read_only.read_only = true;
    const BlockingRegistry reader = open(read_only);
    EXPECT_EQ(reader.get("a", "latest"), image.manifest);
    EXPECT_EQ(code_of([&] { reader.put("a", "other", image.manifest); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.remove("a", "latest"); }), ErrorCode::read_only);
    EXPECT_EQ(code_of([&] { reader.remove_repository("a"); }), ErrorCode::read_only);

    RegistryOptions keep;
    keep.deletion = false;
    const BlockingRegistry keeper = open(keep);
    keeper.put("a", "other", image.manifest);
    EXPECT_EQ(code_of([&] { keeper.remove("a", "latest"); }), ErrorCode::unsupported);
    EXPECT_EQ(code_of([&] { keeper.remove("a", image.digest.to_string()); }),
              ErrorCode::unsupported);
    EXPECT_EQ(code_of([&] { keeper.remove_repository("a"); }), ErrorCode::unsupported);
}

TEST_P(Manifests, ANameOfTheFullLengthCanBeUsed) {
    const TestImage image("one");
    const std::string names[] = {std::string(255, 'a'),
                                 std::string(199, 'b') + "/c/" + std::string(53, 'd'),
                                 std::string(200, 'e'), std::string(200, 'e') + "/f"};
    for (const std::string& name : names) {
        ASSERT_LE(name.size(), 255u);
        image.push(registry, name, std::string(128, 't'));
        EXPECT_EQ(registry.get(name, std::string(128, 't')), image.manifest);
    }
    EXPECT_EQ(registry.repositories().names, Names(std::begin(names), std::end(names)));
    expect_valid(store(), registry);
    for (const std::string& name : names) registry.remove_repository(name);
    EXPECT_EQ(registry.repositories().names, Names{});
}

TEST(ParseReference, TellsTagsFromDigests) {
    EXPECT_EQ(std::get<Tag>(parse_reference("latest")).str(), "latest");
    const std::string digest = sha256("x").to_string();
    EXPECT_EQ(std::get<Digest>(parse_reference(digest)).to_string(), digest);
    EXPECT_EQ(code_of([] { parse_reference("sha256:short"); }), ErrorCode::digest_invalid);
    EXPECT_EQ(code_of([] { parse_reference("-x"); }), ErrorCode::name_invalid);
    EXPECT_EQ(code_of([] { parse_reference(""); }), ErrorCode::name_invalid);
}

}  // namespace
}  // namespace pkgreg
