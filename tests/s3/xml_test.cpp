// Documents of the S3 protocol, as Amazon, Ceph and Swift write them.
#include "s3/xml.hpp"

#include "pkgreg/error.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg::s3 {
namespace {

constexpr std::string_view head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

std::string document(std::string_view text) {
    return std::string(head).append(text);
}

TEST(Xml, ReadsAListingOfObjects) {
    const ObjectList list = read_object_list(document(
        "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
        "<IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
        "<Contents><Key>a%20b%2Bc+d/%26</Key><LastModified>1970-01-01T00:00:02.500Z</LastModified>"
        "<ETag>&quot;0123&quot;</ETag><Size>18446744073709551615</Size></Contents>"
        "<Contents><Key>e</Key><Size>0</Size></Contents></ListBucketResult>"));
    EXPECT_TRUE(list.more);
    ASSERT_EQ(list.objects.size(), 2U);
    EXPECT_EQ(list.objects[0].key, "a b+c d/&");
    EXPECT_EQ(list.objects[0].head.etag, "\"0123\"");
    EXPECT_EQ(list.objects[0].head.size, ~std::uint64_t{0});
    EXPECT_EQ(list.objects[0].head.modified, 2'500'000'000);
    EXPECT_EQ(list.objects[1].key, "e");
}

TEST(Xml, ReadsAListingOfUploadsAndItsMarkers) {
    const std::string upload =
        "<Upload><Key>a%2Fb</Key><UploadId>2~x</UploadId>"
        "<Initiated>1970-01-01T00:00:01.000Z</Initiated></Upload>";
    const UploadList page = read_upload_list(
        document("<ListMultipartUploadsResult><NextKeyMarker>a%2Fb</NextKeyMarker>"
                 "<NextUploadIdMarker>2~x</NextUploadIdMarker><IsTruncated>true</IsTruncated>" +
                 upload + "</ListMultipartUploadsResult>"));
    ASSERT_EQ(page.uploads.size(), 1U);
    EXPECT_EQ(page.uploads[0].key, "a/b");
    EXPECT_EQ(page.uploads[0].upload_id, "2~x");
    EXPECT_EQ(page.uploads[0].initiated, 1'000'000'000);
    EXPECT_EQ(page.next_key, "a/b");
    EXPECT_EQ(page.next_upload_id, "2~x");

    const UploadList last =
        read_upload_list(document("<ListMultipartUploadsResult><NextKeyMarker>a%2Fb</NextKeyMarker>"
                                  "<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>"));
    EXPECT_TRUE(last.next_key.empty());
}

TEST(Xml, ReadsErrorsWithWhateverTheyHave) {
    const auto error = read_error(document(
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong &amp; more</Message>"
        "<Region>eu-west-1</Region><RequestId>tx1</RequestId></Error>"));
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, "AuthorizationHeaderMalformed");
    EXPECT_EQ(error->message, "wrong & more");
    EXPECT_EQ(error->region, "eu-west-1");
    EXPECT_EQ(error->request_id, "tx1");
    EXPECT_TRUE(read_error("<Error><Code>NoSuchKey</Code></Error>"));
    EXPECT_FALSE(read_error("<html><body>Bad gateway</body></html>"));
    EXPECT_FALSE(read_error("Bad gateway"));
    EXPECT_FALSE(read_error(""));
}

TEST(Xml, TakesACompletionWhoseEtagIsEmpty) {
    EXPECT_TRUE(is_completion(
        document("<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>")));
    // Amazon sends blanks to keep the connection while it works.
    EXPECT_TRUE(is_completion("  \n \n<CompleteMultipartUploadResult/>"));
    EXPECT_FALSE(is_completion("<Error><Code>InternalError</Code></Error>"));
    EXPECT_FALSE(is_completion(""));
}

TEST(Xml, RefusesAnotherDocument) {
    for (const std::string_view text :
         {"", "<html></html>", "<ListBucketResult><Contents><Key>a</Key></Contents>",
          "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
          "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></"
          "ListBucketResult>"}) {
        try {
            read_object_list(text);
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::io);
        }
    }
    EXPECT_THROW(read_upload_id("<InitiateMultipartUploadResult/>"), Error);
    EXPECT_THROW(read_copied_etag("<Error/>"), Error);
}

TEST(Xml, ReadsWhatABucketIsConfiguredFor) {
    EXPECT_EQ(read_versioning("<VersioningConfiguration/>"), "");
    EXPECT_EQ(read_versioning(
                  "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"),
              "Enabled");
    EXPECT_TRUE(
        read_object_lock("<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>"
                         "</ObjectLockConfiguration>"));
    EXPECT_FALSE(read_object_lock("<ObjectLockConfiguration/>"));
    EXPECT_EQ(read_versioning("<ListBucketResult/>"), "");
    EXPECT_FALSE(read_object_lock("<ListBucketResult/>"));
}

TEST(Xml, WritesKeysThatReadBackAsTheyWere) {
    const std::vector<std::string> keys = {"a&b<c>d\"e'f", " \r\n\t", "\xc3\xa4"};
    const std::string text = write_removal(keys);
    EXPECT_EQ(text,
              "<Delete><Object><Key>a&amp;b&lt;c&gt;d&quot;e'f</Key></Object>"
              "<Object><Key> &#13;\n\t</Key></Object><Object><Key>\xc3\xa4</Key></Object>"
              "<Quiet>true</Quiet></Delete>");
    EXPECT_TRUE(fits_xml(" \r\n\t"));
    EXPECT_FALSE(fits_xml("a\x01"));
}

TEST(Xml, WritesACompletionWithTheChecksumsThatThereAre) {
    EXPECT_EQ(write_completion({{1, "\"a\""}, {2, "\"b\"", "4waSgw=="}}),
              "<CompleteMultipartUpload>"
              "<Part><ETag>&quot;a&quot;</ETag><PartNumber>1</PartNumber></Part>"
              "<Part><ChecksumCRC32C>4waSgw==</ChecksumCRC32C><ETag>&quot;b&quot;</ETag>"
              "<PartNumber>2</PartNumber></Part></CompleteMultipartUpload>");
}

}  // namespace
}  // namespace pkgreg::s3
