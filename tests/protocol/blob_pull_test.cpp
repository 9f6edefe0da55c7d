// end-2: pulling blobs, with conditions and ranges.
#include "protocol/protocol_test.hpp"

namespace pkgreg {
namespace {

class BlobPull : public ProtocolTest {
 protected:
    const Digest digest = registry.push("a/b", "0123456789");
    const std::string path = blob_path("a/b", digest);
    const std::string etag = '"' + digest.to_string() + '"';
};
INSTANTIATE_TEST_SUITE_P(Stores, BlobPull, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(BlobPull, End2GivesTheContentAndItsIdentity) {
    const Answer answer = get_and_head(path);
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.body, "0123456789");
    EXPECT_EQ(answer.field("Docker-Content-Digest"), digest.to_string());
    EXPECT_EQ(answer.field("ETag"), etag);
    EXPECT_EQ(answer.field("Content-Type"), "application/octet-stream");
    EXPECT_EQ(answer.field("Accept-Ranges"), "bytes");
}

TEST_P(BlobPull, TheEmptyBlobAndSha512ArePulledAsWell) {
    const Digest empty = registry.push("a/b", "");
    EXPECT_EQ(get_and_head(blob_path("a/b", empty)).status, 200u);
    const Digest long_digest = registry.push("a/b", "x", DigestAlgorithm::sha512);
    const Answer answer = get_and_head(blob_path("a/b", long_digest));
    EXPECT_EQ(answer.body, "x");
    EXPECT_EQ(answer.field("Docker-Content-Digest"), long_digest.to_string());
}

TEST_P(BlobPull, WhatTheRepositoryDoesNotServeIs404) {
    for (const std::string& missing : {blob_path("a/b", sha256("other")), blob_path("a", digest),
                                       blob_path("no/such", digest)}) {
        const Answer answer = get_and_head(missing);
        EXPECT_EQ(answer.status, 404u);
        EXPECT_EQ(answer.code(), "BLOB_UNKNOWN");
        EXPECT_EQ(get(missing, {{"If-None-Match", etag}}).status, 404u);
        EXPECT_EQ(get(missing, {{"Range", "bytes=0-1"}}).status, 404u);
    }
}

TEST_P(BlobPull, ADigestThatIsNoneIs400) {
    for (const char* item : {"sha256:short", "latest", "md5:00", "sha256:", ":", "x:y"}) {
        const Answer answer = get_and_head("/v2/a/b/blobs/" + std::string(item));
        EXPECT_EQ(answer.status, 400u);
        EXPECT_EQ(answer.code(), "DIGEST_INVALID");
    }
}

TEST_P(BlobPull, ARangeGivesThatPart) {
    const std::tuple<const char*, const char*, const char*> table[] = {
        {"bytes=0-0", "0", "bytes 0-0/10"},
        {"bytes=2-4", "234", "bytes 2-4/10"},
        {"bytes=7-", "789", "bytes 7-9/10"},
        {"bytes=7-100", "789", "bytes 7-9/10"},
        {"bytes=-3", "789", "bytes 7-9/10"},
        {"bytes=-500", "0123456789", "bytes 0-9/10"},
        {"bytes=0-", "0123456789", "bytes 0-9/10"},
        {"Bytes=9-9", "9", "bytes 9-9/10"},
        {"bytes=3-99999999999999999999", "3456789", "bytes 3-9/10"}};
    for (const auto& [range, bytes, content_range] : table) {
        const Answer answer = get(path, {{"Range", range}});
        EXPECT_EQ(answer.status, 206u) << range;
        EXPECT_EQ(answer.body, bytes) << range;
        EXPECT_EQ(answer.field("Content-Range"), content_range) << range;
        EXPECT_EQ(answer.field("Docker-Content-Digest"), digest.to_string());
        EXPECT_EQ(answer.field("ETag"), etag);
        EXPECT_EQ(head(path, {{"Range", range}}).status, 200u) << "a range is for GET alone";
    }
}

TEST_P(BlobPull, ARangeBehindTheEndIs416WithTheSize) {
    for (const char* range :
         {"bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"}) {
        const Answer answer = get(path, {{"Range", range}});
        EXPECT_EQ(answer.status, 416u) << range;
        EXPECT_EQ(answer.field("Content-Range"), "bytes */10") << range;
    }
    const Digest empty = registry.push("a/b", "");
    EXPECT_EQ(get(blob_path("a/b", empty), {{"Range", "bytes=0-"}}).field("Content-Range"),
              "bytes */0");
}

TEST_P(BlobPull, ARangeThatCannotBeReadIsIgnored) {
    for (const char* range : {"", "bytes", "bytes=", "bytes=5-2", "bytes=a-b", "bytes=0-1,3-4",
                              "lines=1-2", "bytes=-", "bytes=1-2-3"}) {
        const Answer answer = get(path, {{"Range", range}});
        EXPECT_EQ(answer.status, 200u) << range;
        EXPECT_EQ(answer.body, "0123456789") << range;
    }
}

TEST_P(BlobPull, IfNoneMatchGives304) {
    for (const std::string& condition : {etag, "W/" + etag, "\"x\", " + etag, std::string("*")}) {
        const Answer answer = get_and_head(path, {{"If-None-Match", condition}});
        EXPECT_EQ(answer.status, 304u) << condition;
        EXPECT_EQ(answer.body, "");
        EXPECT_EQ(answer.field("ETag"), etag);
        EXPECT_EQ(answer.field("Docker-Content-Digest"), digest.to_string());
        EXPECT_EQ(get(path, {{"If-None-Match", condition}, {"Range", "bytes=0-1"}}).status, 304u);
    }
    EXPECT_EQ(get_and_head(path, {{"If-None-Match", "\"other\""}}).status, 200u);
}

TEST_P(BlobPull, IfRangeGivesThePartOnlyOfTheSameContent) {
    EXPECT_EQ(get(path, {{"Range", "bytes=0-1"}, {"If-Range", etag}}).status, 206u);
    for (const std::string& condition :
         {std::string("\"other\""), "W/" + etag, std::string("Sat, 29 Oct 1994 19:43:31 GMT"),
          digest.to_string()}) {
        const Answer answer = get(path, {{"Range", "bytes=0-1"}, {"If-Range", condition}});
        EXPECT_EQ(answer.status, 200u) << condition;
        EXPECT_EQ(answer.body, "0123456789");
        EXPECT_EQ(get(path, {{"Range", "bytes=99-"}, {"If-Range", condition}}).status, 200u);
    }
}

TEST_P(BlobPull, NamesOfFieldsAreReadWithoutRegardToCase) {
    EXPECT_EQ(get(path, {{"RANGE", "bytes=1-1"}}).body, "1");
    EXPECT_EQ(get(path, {{"if-none-match", etag}}).status, 304u);
}

}  // namespace
}  // namespace pkgreg
