// What a build takes for which asset: places, file names, platforms, and what stays remote.
#include "pkgreg/error.hpp"

#include "cli/build/asset_location.hpp"
#include "cli/build/remote_assets.hpp"
#include "remote/image_platform.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pkgreg::cli {
namespace {

using testing::HasSubstr;

TEST(AssetLocation, is_a_url_or_a_file_beside_the_definition) {
    EXPECT_EQ(AssetLocation::parse("https://a.example/x.zip", "dir").url,
              "https://a.example/x.zip");
    EXPECT_EQ(AssetLocation::parse("HTTP://a.example/x", "dir").url, "HTTP://a.example/x");
    EXPECT_EQ(AssetLocation::parse("x/y.zip", "dir").file, "dir/x/y.zip");
    EXPECT_EQ(AssetLocation::parse("/x/y.zip", "dir").file, "/x/y.zip");
    EXPECT_EQ(AssetLocation::parse("file:///x/a%20b", "dir").file, "/x/a b");
    EXPECT_EQ(AssetLocation::parse("file://localhost/x", "dir").file, "/x");
    EXPECT_EQ(AssetLocation::parse("file:x", "dir").file, "dir/x");
}

TEST(AssetLocation, of_another_kind_is_refused_without_its_password) {
    for (const auto* value :
         {"ftp://me:hidden@a.example/x", "s3://me:hidden@bucket/x", "file://me:hidden@host/x"}) {
        try {
            AssetLocation::parse(value, "dir");
            ADD_FAILURE() << value;
        } catch (const Error& error) {
            EXPECT_EQ(error.message().find("hidden"), std::string::npos);
        }
    }
}

TEST(AssetLocation, of_one_file_has_one_key) {
    EXPECT_EQ(AssetLocation::parse("./a/../x", "dir").key(),
              AssetLocation::parse("x", "dir").key());
    EXPECT_NE(AssetLocation::parse("https://a/x", "").key(),
              AssetLocation::parse("https://a/x?y", "").key());
}

TEST(ResourceFileName, is_the_last_component_of_the_url) {
    EXPECT_EQ(resource_file_name("https://a.example/b/app-1.0.tgz", "jar"), "app-1.0.tgz");
    EXPECT_EQ(resource_file_name("https://a.example/b/app.tgz?x=/y#z", "jar"), "app.tgz");
    EXPECT_EQ(resource_file_name("https://a.example/my%20app%21.zip", "jar"), "my app!.zip");
    EXPECT_EQ(resource_file_name("dir/app?.zip", "jar"), "app?.zip");
    EXPECT_EQ(resource_file_name("file:///dir/app.zip", "jar"), "app.zip");
    EXPECT_EQ(resource_file_name("file:app.zip", "jar"), "app.zip");
}

TEST(ResourceFileName, falls_back_to_the_name_of_the_asset) {
    for (const auto* url :
         {"https://a.example", "https://a.example/", "https://a.example/b/",
          "https://a.example/%2e%2e", "https://a.example/.", "https://a.example?x/y"}) {
        EXPECT_EQ(resource_file_name(url, "jar"), "jar") << url;
    }
    EXPECT_EQ(resource_file_name("https://a.example/", ".."), "file");
    EXPECT_EQ(resource_file_name("https://a.example/", "a/b"), "a_b");
}

TEST(ResourceFileName, is_always_one_harmless_component) {
    EXPECT_EQ(resource_file_name("https://a/x%2fy%5cz%00%0a%7f", "jar"), "x_y_z___");
    EXPECT_EQ(resource_file_name("https://a/%c3%a9", "jar"), "\xc3\xa9");
    EXPECT_EQ(resource_file_name("https://a/%ff%c3%a9", "jar"), "___");
    EXPECT_EQ(resource_file_name("https://a/x%2", "jar"), "x%2");
}

TEST(ResourceFileName, that_is_too_long_keeps_its_end) {
    const std::string name = std::string(300, 'a') + ".tgz";
    const std::string shortened = resource_file_name("https://a.example/" + name, "jar");
    EXPECT_EQ(shortened.size(), 255);
    EXPECT_TRUE(shortened.ends_with("aaa.tgz"));
    std::string wide;
    for (int i = 0; i < 200; ++i) wide += "\xc3\xa9";
    EXPECT_EQ(resource_file_name("https://a.example/" + wide, "jar").size(), 254);
}

TEST(RemoteAssets, are_named_one_by_one_or_all) {
    const auto some = RemoteAssets::try_parse("cli,docker");
    ASSERT_TRUE(some);
    EXPECT_TRUE(some->has(AssetKind::cli_binary));
    EXPECT_TRUE(some->has(AssetKind::docker));
    EXPECT_FALSE(some->has(AssetKind::uri));
    EXPECT_FALSE(some->has(AssetKind::image));
    EXPECT_TRUE(RemoteAssets::try_parse("images")->has(AssetKind::screenshot));
    EXPECT_TRUE(RemoteAssets::try_parse("all")->has(AssetKind::uri));
    for (const auto* wrong : {"", "none", "all,", ",uris", "uris docker"}) {
        EXPECT_FALSE(RemoteAssets::try_parse(wrong)) << wrong;
    }
}

TEST(Platform, is_os_and_architecture_and_perhaps_a_variant) {
    EXPECT_EQ(Platform::try_parse("linux/arm/v7")->str(), "linux/arm/v7");
    EXPECT_EQ(Platform::try_parse("windows/amd64")->os, "windows");
    for (const auto* wrong : {"", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd64/", "L/x"}) {
        EXPECT_FALSE(Platform::try_parse(wrong)) << wrong;
    }
}

/// An index with one entry for each platform; entry `i` has a digest of digits `i`.
std::string index_of(std::initializer_list<std::string> platforms) {
    std::string json = R"({"schemaVersion":2,"manifests":[)";
    char digit = '0';
    for (const std::string& platform : platforms) {
        if (digit != '0') json += ',';
        json += R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,)"
                R"("digest":"sha256:)" +
                std::string(64, digit++) + "\"" + platform + "}";
    }
    return json + "]}";
}

const std::string amd64 = R"(,"platform":{"os":"linux","architecture":"amd64"})";
const std::string amd64_v3 = R"(,"platform":{"os":"linux","architecture":"amd64","variant":"v3"})";
const std::string arm64 = R"(,"platform":{"os":"linux","architecture":"arm64","variant":"v8"})";
const std::string attestation = R"(,"platform":{"os":"unknown","architecture":"unknown"})";

char chosen(const std::string& index, const std::string& platform) {
    return choose_platform(index, *Platform::try_parse(platform)).digest.hex().front();
}

TEST(ImagePlatform, is_chosen_from_an_index) {
    const std::string index = index_of({attestation, "", amd64_v3, amd64, arm64});
    EXPECT_EQ(chosen(index, "linux/amd64"), '3');
    EXPECT_EQ(chosen(index, "linux/amd64/v3"), '2');
    EXPECT_EQ(chosen(index, "linux/arm64"), '4');
    EXPECT_EQ(chosen(index, "linux/arm64/v8"), '4');
    EXPECT_EQ(chosen(index_of({attestation, amd64_v3}), "linux/amd64"), '1');
}

TEST(ImagePlatform, that_is_not_there_is_refused_with_those_that_are) {
    try {
        choose_platform(index_of({amd64, arm64}), *Platform::try_parse("linux/s390x"));
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), HasSubstr("linux/s390x"));
        EXPECT_THAT(error.message(), HasSubstr("linux/amd64, linux/arm64/v8"));
    }
    EXPECT_THROW(choose_platform(index_of({amd64}), *Platform::try_parse("linux/amd64/v3")), Error);
    EXPECT_THROW(choose_platform("{}", Platform()), Error);
    EXPECT_THROW(choose_platform("no", Platform()), Error);
    EXPECT_THROW(
        choose_platform(R"({"manifests":[{"platform":{"os":"linux","architecture":"amd64"}}]})",
                        Platform()),
        Error);
}

}  // namespace
}  // namespace pkgreg::cli
