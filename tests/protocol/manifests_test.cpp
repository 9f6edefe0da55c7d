// end-3 and end-7: pulling and pushing manifests.
#include "protocol/protocol_test.hpp"

namespace pkgreg {
namespace {

using testing::HasSubstr;

class ManifestProtocol : public ProtocolTest {
 protected:
    const TestImage image{"one"};
    const Fields oci{{"Content-Type", std::string(media_types::oci_manifest)}};
    const std::string digest = image.digest.to_string();

    Answer put(std::string_view reference, std::string_view bytes, const Fields& fields) const {
        return send("PUT", manifest_path("a/b", reference), fields, bytes);
    }
};
INSTANTIATE_TEST_SUITE_P(Stores, ManifestProtocol, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(ManifestProtocol, End7aPushesByTagAndEnd3PullsByBoth) {
    image.push_blobs(registry, "a/b");
    const Answer pushed = put("latest", image.manifest, oci);
    EXPECT_EQ(pushed.status, 201u) << pushed.body;
    EXPECT_EQ(pushed.field("Location"), manifest_path("a/b", digest));
    EXPECT_EQ(pushed.field("Docker-Content-Digest"), digest);
    EXPECT_FALSE(pushed.has("OCI-Subject"));
    for (const std::string& path : {manifest_path("a/b", "latest"), pushed.field("Location"),
                                    manifest_path("a/b", "sha256%3A" + image.digest.hex())}) {
        const Answer answer = get_and_head(path);
        EXPECT_EQ(answer.status, 200u);
        EXPECT_EQ(answer.body, image.manifest);
        EXPECT_EQ(answer.field("Docker-Content-Digest"), digest);
        EXPECT_EQ(answer.field("ETag"), '"' + digest + '"');
        EXPECT_EQ(answer.field("Content-Type"), media_types::oci_manifest);
    }
}

TEST_P(ManifestProtocol, End7bPushesByDigestWithTags) {
    image.push_blobs(registry, "a/b");
    const Answer answer = put(digest + "?tag=1&tag=1.2&tag=v1.2.3&tag=latest", image.manifest, oci);
    EXPECT_EQ(answer.status, 201u);
    EXPECT_EQ(answer.all_fields("OCI-Tag"),
              (std::vector<std::string>{"1", "1.2", "v1.2.3", "latest"}));
    for (const char* tag : {"1", "1.2", "v1.2.3", "latest"}) {
        EXPECT_EQ(get(manifest_path("a/b", tag)).body, image.manifest);
    }
    EXPECT_EQ(put(digest + "?tag=good&tag=not%20good", image.manifest, oci).code(), "NAME_INVALID");
    EXPECT_EQ(get(manifest_path("a/b", "good")).status, 404u) << "all tags or none";
}

TEST_P(ManifestProtocol, TooManyTagsInOneRequestIs414) {
    image.push_blobs(registry, "a/b");
    std::string query = "?";
    for (int i = 0; i < 100; ++i) query += "tag=t" + std::to_string(i) + "&";
    EXPECT_EQ(put(digest + query, image.manifest, oci).status, 201u);
    EXPECT_EQ(put(digest + query + "tag=more", image.manifest, oci).status, 414u);
}

TEST_P(ManifestProtocol, PushByAnotherDigestIs400) {
    image.push_blobs(registry, "a/b");
    const Answer answer = put(sha256("other").to_string(), image.manifest, oci);
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(answer.code(), "DIGEST_INVALID");
    EXPECT_EQ(put("sha256:short", image.manifest, oci).code(), "DIGEST_INVALID");
    const std::string long_digest = sha512(image.manifest).to_string();
    EXPECT_EQ(put(long_digest, image.manifest, oci).field("Docker-Content-Digest"), long_digest);
    EXPECT_EQ(get(manifest_path("a/b", long_digest)).body, image.manifest);
}

TEST_P(ManifestProtocol, AMissingBlobIs400AndIsNamed) {
    registry.push("a/b", image.config);
    const Answer answer = put("latest", image.manifest, oci);
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(answer.code(), "MANIFEST_BLOB_UNKNOWN");
    EXPECT_THAT(answer.message(), HasSubstr(sha256(image.layer).to_string()));
    EXPECT_THAT(answer.body,
                HasSubstr("\"detail\":{\"digest\":\"" + sha256(image.layer).to_string() + "\"}"));
    EXPECT_EQ(get(manifest_path("a/b", "latest")).status, 404u);
}

TEST_P(ManifestProtocol, WhatIsNoManifestIs400) {
    for (const char* bytes : {"", "x", "{}", "[]", "{\"schemaVersion\":2}"}) {
        const Answer answer = put("latest", bytes, oci);
        EXPECT_EQ(answer.status, 400u) << bytes;
        EXPECT_EQ(answer.code(), "MANIFEST_INVALID") << bytes;
    }
    EXPECT_EQ(send("PUT", manifest_path("a/b", "latest"), oci).code(), "MANIFEST_INVALID");
    const Answer schema1 = put("latest", "{\"schemaVersion\":1}", {});
    EXPECT_EQ(schema1.code(), "MANIFEST_INVALID");
    EXPECT_THAT(schema1.message(), HasSubstr("schema 1"));
    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    EXPECT_EQ(put("latest", deep, oci).status, 400u);
}

TEST_P(ManifestProtocol, TheContentTypeIsReadWithoutItsParameters) {
    image.push_blobs(registry, "a/b");
    const auto typed = [](std::string_view type) {
        return Fields{{"Content-Type", std::string(type)}};
    };
    EXPECT_EQ(
        put("t", image.manifest, typed("Application/Vnd.OCI.Image.Manifest.v1+json ; a=b")).status,
        201u);
    EXPECT_EQ(get(manifest_path("a/b", "t")).field("Content-Type"), media_types::oci_manifest);
    EXPECT_EQ(put("t", image.manifest, {}).status, 201u);
    EXPECT_EQ(put("t", image.manifest, typed("application/json")).status, 201u);
    EXPECT_EQ(put("t", image.manifest, typed(media_types::docker_manifest)).code(),
              "MANIFEST_INVALID");
    for (const char* type : {"", "x", "a/b/c", ";"}) {
        EXPECT_EQ(put("t", image.manifest, typed(type)).code(), "MANIFEST_INVALID") << type;
    }
}

TEST_P(ManifestProtocol, OneOverTheLimitIs413HoweverItComes) {
    RegistryOptions options;
    options.max_manifest_size = 20'000;
    reopen(options);
    const auto manifest_of = [](std::size_t size) {
        std::string bytes = R"({"mediaType":"application/vnd.example+json"})";
        bytes.resize(size, ' ');
        return bytes;
    };
    for (const std::size_t size : {std::size_t{20'000}, std::size_t{20'001}, std::size_t{90'000}}) {
        const unsigned expected = size <= 20'000 ? 201 : 413;
        const Answer announced = put("t", manifest_of(size), {});
        EXPECT_EQ(announced.status, expected) << size;
        ScriptedBody streamed({manifest_of(size).substr(0, 100), manifest_of(size).substr(100)});
        EXPECT_EQ(send("PUT", manifest_path("a/b", "t"), {}, &streamed).status, expected) << size;
    }
    EXPECT_EQ(put("t", manifest_of(20'001), {}).code(), "SIZE_INVALID");
    ScriptedBody liar({"x"}, std::uint64_t{1} << 60);
    EXPECT_EQ(send("PUT", manifest_path("a/b", "t"), {}, &liar).status, 413u);
}

TEST_P(ManifestProtocol, ABodyThatBreaksOffIs400AndChangesNothing) {
    image.push_blobs(registry, "a/b");
    ScriptedBody body({image.manifest.substr(0, 10), break_off()}, image.manifest.size());
    EXPECT_EQ(send("PUT", manifest_path("a/b", "t"), oci, &body).status, 400u);
    EXPECT_EQ(get(manifest_path("a/b", "t")).status, 404u);
}

TEST_P(ManifestProtocol, ASubjectIsToldBack) {
    const TestImage referrer("two", ",\"subject\":" + image.descriptor());
    referrer.push_blobs(registry, "a/b");
    EXPECT_EQ(put("sig", referrer.manifest, oci).field("OCI-Subject"), digest);
    EXPECT_EQ(put("sig", referrer.manifest, oci).field("OCI-Subject"), digest) << "once more";
}

TEST_P(ManifestProtocol, WhatIsNotThereIs404) {
    image.push(registry, "a/b", "latest");
    for (const std::string& path :
         {manifest_path("a/b", "other"), manifest_path("a/b", sha256("x").to_string()),
          manifest_path("a", "latest"), manifest_path("a", digest),
          manifest_path("no/such", "latest")}) {
        const Answer answer = get_and_head(path);
        EXPECT_EQ(answer.status, 404u) << path;
        EXPECT_EQ(answer.code(), "MANIFEST_UNKNOWN") << path;
    }
}

// Clients ask for names that no manifest can have, and the specification knows one answer for what
// is not there.
TEST_P(ManifestProtocol, WhatCannotBeATagIsNotThereEither) {
    image.push(registry, "a/b", "latest");
    for (const std::string& reference :
         {std::string(".INVALID_MANIFEST_NAME"), std::string("-x"), std::string("a%20b"),
          std::string(129, 'x'), std::string("%2e%2e")}) {
        const Answer answer = get_and_head(manifest_path("a/b", reference));
        EXPECT_EQ(answer.status, 404u) << reference;
        EXPECT_EQ(answer.code(), "MANIFEST_UNKNOWN") << reference;
        EXPECT_EQ(send("DELETE", manifest_path("a/b", reference)).status, 404u);
        EXPECT_EQ(put(reference, image.manifest, oci).status, 400u) << "but it cannot be made";
    }
    EXPECT_EQ(get(manifest_path("a/b", "sha256:short")).status, 400u);
    EXPECT_EQ(get(manifest_path("a/b", "md5:00")).code(), "DIGEST_INVALID");
}

TEST_P(ManifestProtocol, ConditionsAndRangesWorkAsForBlobs) {
    image.push(registry, "a/b", "latest");
    const std::string path = manifest_path("a/b", "latest");
    const Answer unchanged = get_and_head(path, {{"If-None-Match", '"' + digest + '"'}});
    EXPECT_EQ(unchanged.status, 304u);
    EXPECT_EQ(unchanged.field("Docker-Content-Digest"), digest);
    const Answer part = get(path, {{"Range", "bytes=-5"}});
    EXPECT_EQ(part.status, 206u);
    EXPECT_EQ(part.body, image.manifest.substr(image.manifest.size() - 5));
    EXPECT_EQ(get(path, {{"Range", "bytes=100000-"}}).field("Content-Range"),
              "bytes */" + std::to_string(image.manifest.size()));
    // The tag moved: the old condition no longer holds.
    TestImage("two").push(registry, "a/b", "latest");
    EXPECT_EQ(get(path, {{"If-None-Match", '"' + digest + '"'}}).status, 200u);
}

TEST_P(ManifestProtocol, IsRefusedInReadOnlyMode) {
    image.push(registry, "a/b", "latest");
    RegistryOptions options;
    options.read_only = true;
    reopen(options);
    const Answer answer = put("other", image.manifest, oci);
    EXPECT_EQ(answer.status, 405u);
    EXPECT_EQ(answer.code(), "UNSUPPORTED");
    EXPECT_EQ(send("DELETE", manifest_path("a/b", "latest")).status, 405u);
    EXPECT_EQ(get(manifest_path("a/b", "latest")).status, 200u);
}

}  // namespace
}  // namespace pkgreg
