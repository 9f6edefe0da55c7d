// The forms in which S3 writes things: escapes, times, checksums, hosts.
#include "pkgreg/error.hpp"

#include "s3/checksums.hpp"
#include "s3/crc32c.hpp"
#include "s3/encoding.hpp"
#include "s3/endpoint.hpp"
#include "s3/timestamps.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

namespace pkgreg::s3 {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

TEST(UriEncoding, KeepsOnlyUnreservedCharacters) {
    EXPECT_EQ(uri_encode("AZaz09-._~"), "AZaz09-._~");
    EXPECT_EQ(uri_encode("a b/c+d=e&f%g*'\"\xc3\xa4"), "a%20b%2Fc%2Bd%3De%26f%25g%2A%27%22%C3%A4");
    EXPECT_EQ(uri_encode_path("a b/c"), "a%20b/c");
}

TEST(UriEncoding, IsReversedForEveryByte) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    EXPECT_EQ(uri_decode(uri_encode(all)), all);
}

TEST(UriEncoding, ReadsAPlusOfAListingAsASpace) {
    EXPECT_EQ(uri_decode("a+b%2Bc%2bd"), "a b+c+d");
    EXPECT_EQ(uri_decode("100%"), "100%");
    EXPECT_EQ(uri_decode("%zz%4"), "%zz%4");
}

TEST(Timestamps, ReadWhatS3Writes) {
    EXPECT_EQ(parse_iso8601("1970-01-01T00:00:01.000Z"), 1'000'000'000);
    EXPECT_EQ(parse_iso8601("1970-01-01T00:00:01Z"), 1'000'000'000);
    EXPECT_EQ(parse_iso8601("2009-10-12T17:50:30.25Z"), 1'255'369'830'250'000'000);
    const auto date = parse_http_date("Mon, 12 Oct 2009 17:50:30 GMT");
    ASSERT_TRUE(date);
    EXPECT_EQ(date->time_since_epoch().count(), 1'255'369'830);
    EXPECT_EQ(to_basic_iso8601(*date), "20091012T175030Z");
}

TEST(Timestamps, RefuseWhatIsNone) {
    for (const char* const text :
         {"", "2009-10-12", "2009-13-12T17:50:30Z", "2009-02-30T17:50:30Z", "2009-10-12T24:00:00Z",
          "2009-10-12T17:50:30", "2009-10-12T17:50:30.x0Z", "9999-10-12T17:50:30Z",
          "2009-10-12 17:50:30.000Z", "0000-00-00T00:00:00Z"}) {
        EXPECT_FALSE(parse_iso8601(text)) << text;
    }
    for (const char* const text : {"", "Mon, 12 Oct 2009 17:50:30", "Mon, 12 Okt 2009 17:50:30 GMT",
                                   "12 Oct 2009 17:50:30 GMT", "Mon, 1 Oct 2009 17:50:30 GMT"}) {
        EXPECT_FALSE(parse_http_date(text)) << text;
    }
}

TEST(Checksums, AreThoseOfTheirStandards) {
    // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
    EXPECT_EQ(crc32c(bytes(std::string(32, '\0'))), 0x8a9136aaU);
    EXPECT_EQ(crc32c(bytes(std::string(32, '\xff'))), 0x62a8ab43U);
    EXPECT_EQ(crc32c(bytes("123456789")), 0xe3069283U);
    EXPECT_EQ(content_crc32c(bytes("123456789")), "4waSgw==");
    // RFC 1321, appendix A.5.
    EXPECT_EQ(content_md5(bytes("message digest")), "+WtpfXy3k41SWi8xqvFh0A==");
    EXPECT_EQ(content_sha256({}),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Checksums, DoNotDependOnTheProcessorsInstruction) {
    std::string text;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(crc32c(bytes(text)), crc32c_by_table(bytes(text))) << i;
        text.push_back(static_cast<char>(i * 37));
    }
}

S3StoreOptions at(std::string endpoint, std::string bucket = "bucket") {
    S3StoreOptions options;
    options.endpoint = std::move(endpoint);
    options.bucket = std::move(bucket);
    return options;
}

TEST(ChecksumsDeathTest, DoNotDependOnWhatTheApplicationAllowsOpenssl) {
    const auto work_without_providers = [] {
        OSSL_PROVIDER_load(nullptr, "null");
        EVP_set_default_properties(nullptr, "fips=yes");
        const bool none = EVP_MD_fetch(nullptr, "SHA256", nullptr) == nullptr;
        const std::string key = "key";
        const std::span<const unsigned char> secret(
            reinterpret_cast<const unsigned char*>(key.data()), key.size());
        const std::string text = "The quick brown fox jumps over the lazy dog";
        const bool same = to_hex(hmac_sha256(secret, text)) ==
                              "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8" &&
                          content_md5(bytes(text)) == "nhB9nTcrtoJr2B01QqQZ1g==" &&
                          content_sha256(bytes(text)) ==
                              "d7a8fbb307d7809469ca9abcb0082e4f8d5651e46d3cdb762d02d0bf37c9e592";
        std::_Exit(none && same ? 0 : 1);
    };
    EXPECT_EXIT(work_without_providers(), testing::ExitedWithCode(0), "");
}

TEST(Endpoint, NamesTheRegionThatAmazonsHostHas) {
    for (const auto& [host, region] : {
             std::pair("s3.amazonaws.com", "us-east-1"),
             std::pair("s3.us-east-1.amazonaws.com", "us-east-1"),
             std::pair("s3-eu-west-1.amazonaws.com", "eu-west-1"),
             std::pair("s3.dualstack.eu-west-1.amazonaws.com", "eu-west-1"),
             std::pair("s3-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
             std::pair("s3.cn-north-1.amazonaws.com.cn", "cn-north-1"),
             std::pair("bucket.vpce-1-2.s3.us-west-2.vpce.amazonaws.com", "us-west-2"),
             std::pair("s3.example.com", ""),
         }) {
        EXPECT_EQ(Endpoint(at(std::string("https://") + host)).region(), region) << host;
    }
}

TEST(Endpoint, PutsTheBucketIntoTheHostOnlyWhereThatWorks) {
    const Address amazon = Endpoint(at("https://s3.eu-west-1.amazonaws.com")).address("eu-west-1");
    EXPECT_EQ(amazon.origin, "https://bucket.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(amazon.host, "bucket.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(amazon.path, "");
    // Amazon's certificate covers no name with one more dot.
    EXPECT_EQ(Endpoint(at("", "a.bucket")).address("eu-west-1").path, "/a.bucket");
    const Address other = Endpoint(at("http://[::1]:9000/")).address("any");
    EXPECT_EQ(other.origin, "http://[::1]:9000");
    EXPECT_EQ(other.host, "[::1]:9000");
    EXPECT_EQ(other.path, "/bucket");
    S3StoreOptions virtual_host = at("http://s3.localhost:80");
    virtual_host.addressing = S3Addressing::virtual_host;
    EXPECT_EQ(Endpoint(virtual_host).address("any").origin, "http://bucket.s3.localhost");
}

TEST(Endpoint, FollowsABucketOfAmazonsToItsRegion) {
    EXPECT_EQ(Endpoint(at("")).address("eu-west-1").host, "bucket.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(Endpoint(at("")).address("cn-north-1").host, "bucket.s3.cn-north-1.amazonaws.com.cn");
    EXPECT_EQ(Endpoint(at("https://s3.amazonaws.com")).address("us-east-1").host,
              "bucket.s3.amazonaws.com");
    EXPECT_EQ(Endpoint(at("https://s3.amazonaws.com")).address("eu-west-1").host,
              "bucket.s3.eu-west-1.amazonaws.com");
    EXPECT_EQ(
        Endpoint(at("https://s3.dualstack.us-east-2.amazonaws.com")).address("eu-west-1").host,
        "bucket.s3.dualstack.eu-west-1.amazonaws.com");
    EXPECT_EQ(Endpoint(at("https://s3.example.com")).address("eu-west-1").host, "s3.example.com");
}

TEST(Endpoint, RefusesWhatCannotBeOneAndShowsNoSecret) {
    for (const char* const url :
         {"s3.example.com:port", "ftp://s3.example.com", "http://", "https://s3.example.com/path",
          "https://s3.example.com?x=y", "https://user:hidden@s3.example.com"}) {
        try {
            const Endpoint endpoint(at(url));
            ADD_FAILURE() << url;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_options);
            EXPECT_TRUE(error.message().starts_with("endpoint: ")) << error.message();
            EXPECT_EQ(error.message().find("hidden"), std::string::npos);
        }
    }
    for (const char* const bucket : {"", "..", "a/b", "a b"}) {
        EXPECT_THROW(Endpoint(at("http://s3.example.com", bucket)), Error) << bucket;
    }
}

}  // namespace
}  // namespace pkgreg::s3
