// ManifestDocument: each rule that a manifest has to keep, and the place that the message names.
#include "registry/manifest_document.hpp"

#include "registry/engine_test.hpp"

#include <gmock/gmock.h>

namespace pkgreg {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string digest_a = "sha256:" + std::string(64, 'a');

ManifestDocument parse(std::string_view bytes,
                       std::optional<std::string_view> content_type = std::nullopt) {
    return ManifestDocument::parse(
        bytes, content_type ? std::optional(MediaType::parse(*content_type)) : std::nullopt);
}

std::string refusal(std::string_view bytes,
                    std::optional<std::string_view> content_type = std::nullopt) {
    const Error error = error_of([&] { parse(bytes, content_type); });
    EXPECT_EQ(error.code(), ErrorCode::manifest_invalid) << error.message();
    return error.message();
}

/// An image whose config is `config`.
std::string with_config(std::string_view config) {
    return "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(media_types::oci_manifest) +
           "\",\"layers\":[],\"config\":" + std::string(config) + "}";
}
std::string with_layers(std::string_view layers) {
    return "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(media_types::oci_manifest) +
           "\",\"config\":" + descriptor_json(config_type, Digest::parse(digest_a), 1) +
           ",\"layers\":" + std::string(layers) + "}";
}

TEST(ManifestDocument, ReadsAnImage) {
    const TestImage image(
        "one", ",\"artifactType\":\"application/vnd.example.sbom\",\"annotations\":{\"k\":\"v\"}");
    const ManifestDocument document = parse(image.manifest, media_types::oci_manifest);
    EXPECT_EQ(document.media_type, media_types::oci_manifest);
    ASSERT_EQ(document.blobs.size(), 2u);
    EXPECT_EQ(document.blobs[0].digest, sha256(image.config));
    EXPECT_EQ(document.blobs[0].media_type, config_type);
    EXPECT_EQ(document.blobs[0].size, image.config.size());
    EXPECT_EQ(document.blobs[1].digest, sha256(image.layer));
    EXPECT_TRUE(document.manifests.empty());
    EXPECT_EQ(document.subject, std::nullopt);
    EXPECT_EQ(document.artifact_type, "application/vnd.example.sbom");
    EXPECT_EQ(document.annotations, "{\"k\":\"v\"}");
}

TEST(ManifestDocument, ReadsEveryKind) {
    const TestImage image("one");
    const std::string config = descriptor_json(config_type, sha256("c"), 1);
    const std::string docker = "{\"schemaVersion\":2,\"mediaType\":\"" +
                               std::string(media_types::docker_manifest) +
                               "\",\"config\":" + config + ",\"layers\":[]}";
    EXPECT_EQ(parse(docker).media_type, media_types::docker_manifest);
    EXPECT_EQ(parse(docker, media_types::docker_manifest).blobs.size(), 1u);
    const std::string list = "{\"schemaVersion\":2,\"manifests\":[" + image.descriptor() + "]}";
    EXPECT_EQ(parse(list, media_types::docker_list).media_type, media_types::docker_list);
    EXPECT_EQ(parse(list).media_type, media_types::oci_index);
    EXPECT_EQ(parse(list).manifests.size(), 1u);
    // An artifact of an older revision: any media type, `blobs`.
    const std::string artifact =
        R"({"mediaType":"application/vnd.oci.artifact.manifest.v1+json","artifactType":"x/y",)"
        "\"blobs\":[" +
        config + "],\"subject\":" + image.descriptor() + "}";
    EXPECT_EQ(parse(artifact).blobs.size(), 1u);
    EXPECT_EQ(parse(artifact).subject->digest, image.digest);
    EXPECT_EQ(parse("{\"config\":" + config + ",\"layers\":[],\"schemaVersion\":2}").media_type,
              media_types::oci_manifest);
}

TEST(ManifestDocument, GenericContentTypesLeaveItToTheDocument) {
    for (const std::string_view type : {media_types::json, media_types::octet_stream}) {
        EXPECT_EQ(parse(index_json({}), type).media_type, media_types::oci_index);
    }
    EXPECT_THAT(refusal("{}", media_types::json), StartsWith("mediaType: is missing"));
    EXPECT_THAT(refusal("{}"), StartsWith("mediaType: is missing"));
}

TEST(ManifestDocument, ContentTypeAndMediaTypeMustAgree) {
    const std::string message = refusal(index_json({}), media_types::docker_list);
    EXPECT_THAT(message, StartsWith("mediaType: "));
    EXPECT_THAT(message, HasSubstr(std::string(media_types::oci_index)));
    EXPECT_THAT(message, HasSubstr(std::string(media_types::docker_list)));
    EXPECT_THAT(refusal(R"({"mediaType":"none"})"), StartsWith("mediaType: "));
    EXPECT_THAT(refusal(R"({"mediaType":7})"), StartsWith("mediaType: must be a string"));
}

TEST(ManifestDocument, WhatIsNoJsonObjectIsRefused) {
    for (const char* bytes :
         {"", " ", "{", "}", "[]", "null", "\"text\"", "7", "{\"a\":}", "{\"a\":1}x", "{'a':1}",
          "{\"a\":1,}", "\xff", "{\"a\":\"\xff\"}", "<html>"}) {
        refusal(bytes, media_types::oci_index);
    }
    EXPECT_THAT(refusal("{"), StartsWith("not JSON"));
    EXPECT_THAT(refusal("[]"), HasSubstr("must be a JSON object"));
    refusal(std::string_view("{\"a\":1}\0", 8));
}

TEST(ManifestDocument, DeepNestingIsRefused) {
    const auto nested = [](std::size_t depth) {
        return "{\"mediaType\":\"a/b\",\"x\":" + std::string(depth, '[') + std::string(depth, ']') +
               "}";
    };
    EXPECT_NO_THROW(parse(nested(20)));
    EXPECT_THAT(refusal(nested(40)), HasSubstr("nested deeper"));
    EXPECT_THAT(refusal(nested(1'000'000)), HasSubstr("nested deeper"));
}

TEST(ManifestDocument, Schema1IsRefusedWithAHint) {
    const std::string by_version =
        R"({"schemaVersion":1,"name":"a","tag":"b","fsLayers":[],"history":[]})";
    for (const std::string& message :
         {refusal(by_version), refusal(by_version, media_types::docker_schema1_signed),
          refusal("{}", media_types::docker_schema1),
          refusal("{}", media_types::docker_schema1_signed)}) {
        EXPECT_THAT(message, HasSubstr("schema 1"));
        EXPECT_THAT(message, HasSubstr("skopeo"));
    }
}

TEST(ManifestDocument, ShapeFollowsTheMediaType) {
    const std::string config = descriptor_json(config_type, Digest::parse(digest_a), 1);
    const auto image = [](std::string_view members) {
        return "{\"mediaType\":\"" + std::string(media_types::oci_manifest) + "\"," +
               std::string(members) + "}";
    };
    const auto index = [](std::string_view members) {
        return "{\"mediaType\":\"" + std::string(media_types::oci_index) + "\"," +
               std::string(members) + "}";
    };
    const std::string c = "\"config\":" + config;
    EXPECT_THAT(refusal(image(c + ",\"layers\":[]")), StartsWith("schemaVersion: must be 2"));
    EXPECT_THAT(refusal(image("\"schemaVersion\":3," + c + ",\"layers\":[]")),
                StartsWith("schemaVersion: must be 2"));
    EXPECT_THAT(refusal(image("\"schemaVersion\":\"2\"," + c + ",\"layers\":[]")),
                StartsWith("schemaVersion: must be 2"));
    EXPECT_THAT(refusal(image("\"schemaVersion\":2,\"layers\":[]")),
                StartsWith("config: is missing"));
    EXPECT_THAT(refusal(image("\"schemaVersion\":2," + c)), StartsWith("layers: is missing"));
    EXPECT_THAT(refusal(index("\"schemaVersion\":2")), StartsWith("manifests: is missing"));
    EXPECT_THAT(refusal(index("\"manifests\":[]")), StartsWith("schemaVersion: must be 2"));
}

TEST(ManifestDocument, OneThatCouldMeanTwoThingsIsRefused) {
    const std::string config = descriptor_json(config_type, Digest::parse(digest_a), 1);
    EXPECT_THAT(refusal(image_json(config, {}, ",\"manifests\":[]")), HasSubstr("two things"));
    EXPECT_THAT(refusal(index_json({}, ",\"layers\":[]")), HasSubstr("two things"));
    EXPECT_THAT(refusal(index_json({}, ",\"config\":" + config)), HasSubstr("two things"));
}

TEST(ManifestDocument, AMemberThatIsThereTwiceIsRefused) {
    EXPECT_THAT(refusal(index_json({}, ",\"manifests\":[]")),
                StartsWith("manifests: is there twice"));
    EXPECT_THAT(refusal(index_json({}, ",\"\\u006danifests\":[]")),
                StartsWith("manifests: is there twice"));
    EXPECT_THAT(refusal(index_json({}, ",\"Manifests\":[]")), HasSubstr("is there twice"));
    // A reader that takes the last one would get another layer than was checked.
    const std::string layer = "[{\"mediaType\":\"a/b\",\"size\":1,\"digest\":\"" + digest_a +
                              "\",\"digest\":\"sha256:" + std::string(64, 'b') + "\"}]";
    EXPECT_THAT(refusal(with_layers(layer)), StartsWith("layers[0].digest: is there twice"));
    EXPECT_THAT(refusal(with_config("{\"mediaType\":\"a/b\",\"MediaType\":\"c/d\",\"size\":1,"
                                    "\"digest\":\"" +
                                    digest_a + "\"}")),
                StartsWith("config.MediaType: is there twice"));
}

TEST(ManifestDocument, EachFaultOfADescriptorIsNamedWithItsPlace) {
    const std::string good = "\"mediaType\":\"a/b\",\"size\":1,\"digest\":\"" + digest_a + "\"";
    EXPECT_NO_THROW(parse(with_config("{" + good + "}")));
    EXPECT_THAT(refusal(with_config("7")), StartsWith("config: must be a descriptor"));
    EXPECT_THAT(refusal(with_config("{}")), StartsWith("config.digest: is missing"));
    EXPECT_THAT(refusal(with_config("{\"digest\":7}")), StartsWith("config.digest: must be a str"));
    EXPECT_THAT(refusal(with_config("{\"digest\":\"md5:00\"}")),
                StartsWith("config.digest: 'md5:"));
    EXPECT_THAT(refusal(with_config("{\"digest\":\"" + digest_a + "\"}")),
                StartsWith("config.mediaType: is missing"));
    EXPECT_THAT(refusal(with_config("{\"mediaType\":\"x\",\"digest\":\"" + digest_a + "\"}")),
                StartsWith("config.mediaType: 'x'"));
    EXPECT_THAT(refusal(with_config("{\"mediaType\":\"a/b\",\"digest\":\"" + digest_a + "\"}")),
                StartsWith("config.size: is missing"));
    for (const char* size : {"-1", "\"1\"", "1.5", "null", "1e3", "18446744073709551616"}) {
        const std::string message =
            refusal(with_config("{\"mediaType\":\"a/b\",\"digest\":\"" + digest_a +
                                "\",\"size\":" + std::string(size) + "}"));
        EXPECT_TRUE(message.starts_with("config.size: ") || message.starts_with("not JSON"))
            << message;
    }
    EXPECT_THAT(refusal(with_config("{" + good + ",\"urls\":\"x\"}")),
                StartsWith("config.urls: must be a list"));
    EXPECT_THAT(refusal(with_config("{" + good + ",\"urls\":[7]}")),
                StartsWith("config.urls: must be a string"));
    EXPECT_THAT(refusal(with_config("{" + good + ",\"artifactType\":7}")),
                StartsWith("config.artifactType: must be a string"));

    EXPECT_THAT(refusal(with_layers("{}")), StartsWith("layers: must be a list"));
    EXPECT_THAT(refusal(with_layers("[{" + good + "},{}]")),
                StartsWith("layers[1].digest: is missing"));
    EXPECT_THAT(refusal(with_layers("[null]")), StartsWith("layers[0]: must be a descriptor"));
    EXPECT_THAT(refusal(index_json({"{}"})), StartsWith("manifests[0].digest: is missing"));
    EXPECT_THAT(refusal(index_json({}, ",\"subject\":{}")),
                StartsWith("subject.digest: is missing"));
    EXPECT_THAT(refusal(index_json({}, ",\"subject\":[]")), StartsWith("subject: must be a desc"));
    EXPECT_THAT(refusal(index_json({}, ",\"annotations\":[]")),
                StartsWith("annotations: must be an object"));
    EXPECT_THAT(refusal(index_json({}, ",\"artifactType\":{}")),
                StartsWith("artifactType: must be a string"));
}

TEST(ManifestDocument, NullIsLikeAMemberThatIsNotThere) {
    const ManifestDocument document =
        parse(index_json({}, ",\"subject\":null,\"annotations\":null,\"artifactType\":null"));
    EXPECT_EQ(document.subject, std::nullopt);
    EXPECT_EQ(document.annotations, "");
    EXPECT_EQ(document.artifact_type, "");
}

TEST(ManifestDocument, TheArtifactTypeIsTheConfigsWhereNoneIsGiven) {
    EXPECT_EQ(parse(TestImage("one").manifest).artifact_type, config_type);
    EXPECT_EQ(parse(TestImage("one", ",\"artifactType\":\"\"").manifest).artifact_type,
              config_type);
    EXPECT_EQ(parse(index_json({})).artifact_type, "");
}

TEST(ManifestDocument, AReferrersDescriptorShowsTypeSizeAndAnnotations) {
    const TestImage image("one", R"(,"artifactType":"x/y","annotations":{"k" : "v\u0041\n"})");
    EXPECT_EQ(referrer_descriptor(image.digest, 99, parse(image.manifest)),
              "{\"mediaType\":\"" + std::string(media_types::oci_manifest) + "\",\"digest\":\"" +
                  image.digest.to_string() +
                  R"(","size":99,"artifactType":"x/y","annotations":{"k":"vA\n"}})");
    EXPECT_EQ(referrer_descriptor(image.digest, 1, parse(index_json({}))),
              "{\"mediaType\":\"" + std::string(media_types::oci_index) + "\",\"digest\":\"" +
                  image.digest.to_string() + "\",\"size\":1}");
}

}  // namespace
}  // namespace pkgreg
