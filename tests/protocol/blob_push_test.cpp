// end-4, end-5, end-6, end-11, end-13 and end-14: pushing and mounting blobs.
#include "protocol/protocol_test.hpp"

namespace pkgreg {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr const char* upload_location =
    "/v2/a/b/blobs/uploads/"
    "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    "(\\.[-0-9a-z]+)?";

std::string closing(const std::string& location, const Digest& digest) {
    return location + "?digest=" + digest.to_string();
}

class BlobPush : public ProtocolTest {
 protected:
    const Digest digest = sha256("content");

    void expect_created(const Answer& answer, const Digest& pushed,
                        std::string_view repository = "a/b") {
        EXPECT_EQ(answer.status, 201u) << answer.body;
        EXPECT_EQ(answer.field("Location"), blob_path(repository, pushed));
        EXPECT_EQ(answer.field("Docker-Content-Digest"), pushed.to_string());
        EXPECT_EQ(get(answer.field("Location")).status, 200u);
    }
    /// Where an upload stands, as a status and as each answer to a chunk tells it.
    void expect_stands(const Answer& answer, unsigned status, const std::string& location,
                       std::uint64_t size) {
        EXPECT_EQ(answer.status, status) << answer.body;
        EXPECT_THAT(answer.field("Location"), StartsWith(location));
        EXPECT_EQ(answer.field("Range"), "0-" + std::to_string(size == 0 ? 0 : size - 1));
        EXPECT_THAT(answer.field("Docker-Upload-UUID"),
                    StartsWith(location.substr(location.rfind('/') + 1)));
    }
};
INSTANTIATE_TEST_SUITE_P(Stores, BlobPush, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(BlobPush, End4aBeginsAnUpload) {
    for (const char* path : {"/v2/a/b/blobs/uploads/", "/v2/a/b/blobs/uploads"}) {
        const Answer answer = send("POST", path);
        EXPECT_THAT(answer.field("Location"), testing::MatchesRegex(upload_location));
        expect_stands(answer, 202, answer.field("Location"), 0);
    }
    EXPECT_NE(begin("a/b"), begin("a/b"));
}

TEST_P(BlobPush, PostThenPutPushesABlob) {
    const std::string location = begin("a/b");
    expect_created(send("PUT", closing(location, digest), {}, "content"), digest);
    EXPECT_EQ(get(location).status, 404u) << "the upload is over";
    EXPECT_EQ(get(blob_path("a/b", digest)).body, "content");
}

TEST_P(BlobPush, End4bPushesABlobInASingleRequest) {
    const std::string path = "/v2/a/b/blobs/uploads/?digest=";
    expect_created(send("POST", path + digest.to_string(), {}, "content"), digest);
    expect_created(send("POST", path + sha512("x").to_string(), {}, "x"), sha512("x"));
    expect_created(send("POST", path + "sha256%3A" + sha256("y").hex(), {}, "y"), sha256("y"));
    ScriptedBody unknown_length({"st", "ream"});
    expect_created(send("POST", path + sha256("stream").to_string(), {}, &unknown_length),
                   sha256("stream"));
    expect_created(send("POST", path + sha256("").to_string()), sha256(""));
    expect_created(send("POST", path + sha256("").to_string(), {}, ""), sha256(""));

    const Answer wrong = send("POST", path + sha256("wrong").to_string(), {}, "content");
    EXPECT_EQ(wrong.status, 400u);
    EXPECT_EQ(wrong.code(), "DIGEST_INVALID");
    EXPECT_EQ(get(blob_path("a/b", sha256("wrong"))).status, 404u);
    EXPECT_EQ(send("POST", path + "md5:00", {}, "content").code(), "DIGEST_INVALID");
}

TEST_P(BlobPush, ASinglePostWithoutABodyBeginsAnUpload) {
    const Answer answer =
        send("POST", "/v2/a/b/blobs/uploads/?digest=" + digest.to_string(), {}, "");
    EXPECT_EQ(answer.status, 202u);
    expect_created(send("PUT", closing(answer.field("Location"), digest), {}, "content"), digest);
}

TEST_P(BlobPush, End5StreamsABodyWithoutARange) {
    const std::string location = begin("a/b");
    ScriptedBody body({"con", "te"});
    expect_stands(send("PATCH", location, {}, &body), 202, location, 5);
    expect_stands(send("PATCH", location, {}, "nt"), 202, location, 7);
    expect_stands(send("PATCH", location), 202, location, 7);
    expect_created(send("PUT", closing(location, digest)), digest);
}

TEST_P(BlobPush, ChunksInOrderPushABlob) {
    const std::string location = begin("a/b");
    expect_stands(send("PATCH", location, {{"Content-Range", "0-2"}}, "con"), 202, location, 3);
    expect_stands(send("PATCH", location, {{"Content-Range", "bytes 3-4/7"}}, "te"), 202, location,
                  5);
    expect_created(send("PUT", closing(location, digest), {{"Content-Range", "5-6"}}, "nt"),
                   digest);
}

TEST_P(BlobPush, AChunkOutOfOrderIs416AndTellsWhereToGoOn) {
    const std::string location = begin("a/b");
    const auto expect_refused = [&](const Answer& answer, std::uint64_t size) {
        expect_stands(answer, 416, location, size);
        EXPECT_EQ(answer.code(), "BLOB_UPLOAD_INVALID");
    };
    expect_refused(send("PATCH", location, {{"Content-Range", "1-3"}}, "con"), 0);
    send("PATCH", location, {{"Content-Range", "0-2"}}, "con");
    for (const char* range : {"0-2", "2-4", "4-6", "100-102"}) {
        expect_refused(send("PATCH", location, {{"Content-Range", range}}, "xxx"), 3);
        expect_refused(send("PUT", closing(location, digest), {{"Content-Range", range}}, "xxx"),
                       3);
    }
    expect_stands(get(location), 204, location, 3);
    expect_created(send("PUT", closing(location, digest), {{"Content-Range", "3-6"}}, "tent"),
                   digest);
}

TEST_P(BlobPush, AContentRangeThatCannotBeReadIs400) {
    const std::string location = begin("a/b");
    for (const char* range : {"", "x", "0", "0-", "-2", "2-0", "a-b", "0-2x", "0--2", "bytes */7",
                              "0-18446744073709551615", "0-99999999999999999999", "items 0-2"}) {
        const Answer answer = send("PATCH", location, {{"Content-Range", range}}, "con");
        EXPECT_EQ(answer.status, 400u) << range;
        EXPECT_EQ(answer.code(), "BLOB_UPLOAD_INVALID") << range;
    }
    expect_stands(get(location), 204, location, 0);
}

TEST_P(BlobPush, AChunkMustHaveTheLengthThatItsRangeSays) {
    const std::string location = begin("a/b");
    for (const char* range : {"0-1", "0-3"}) {
        for (const char* method : {"PATCH", "PUT"}) {
            const Answer answer =
                send(method, closing(location, digest), {{"Content-Range", range}}, "con");
            EXPECT_EQ(answer.status, 400u);
            EXPECT_EQ(answer.code(), "SIZE_INVALID");
        }
    }
    EXPECT_EQ(send("PATCH", location, {{"Content-Range", "0-1"}}).code(), "SIZE_INVALID");
    expect_stands(get(location), 204, location, 0);
    // Where the length is known only at the end it is checked there.
    ScriptedBody good({"co", "n"});
    expect_stands(send("PATCH", location, {{"Content-Range", "0-2"}}, &good), 202, location, 3);
    ScriptedBody too_short({"te"});
    EXPECT_EQ(send("PATCH", location, {{"Content-Range", "3-6"}}, &too_short).code(),
              "SIZE_INVALID");
    ScriptedBody too_long({"nt", "!"});
    EXPECT_EQ(send("PATCH", location, {{"Content-Range", "5-6"}}, &too_long).code(),
              "SIZE_INVALID");
}

TEST_P(BlobPush, End13TellsTheStatus) {
    const std::string location = begin("a/b");
    expect_stands(get_and_head(location), 204, location, 0);
    send("PATCH", location, {}, "content");
    expect_stands(get_and_head(location), 204, location, 7);
    const Answer unknown = get_and_head("/v2/a/b/blobs/uploads/no-such");
    EXPECT_EQ(unknown.status, 404u);
    EXPECT_EQ(unknown.code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_P(BlobPush, End14CancelsAnUpload) {
    const std::string location = begin("a/b");
    send("PATCH", location, {}, "con");
    EXPECT_EQ(send("DELETE", location).status, 204u);
    EXPECT_EQ(get(location).status, 404u);
    EXPECT_EQ(send("DELETE", location).code(), "BLOB_UPLOAD_UNKNOWN");
    EXPECT_EQ(send("PATCH", location, {}, "tent").code(), "BLOB_UPLOAD_UNKNOWN");
    EXPECT_EQ(send("PATCH", location, {{"Content-Range", "3-6"}}, "tent").status, 404u);
    EXPECT_EQ(send("PUT", closing(location, digest), {}, "x").code(), "BLOB_UPLOAD_UNKNOWN");
}

TEST_P(BlobPush, TheClosingPutNeedsADigest) {
    const std::string location = begin("a/b");
    EXPECT_EQ(send("PUT", location, {}, "content").code(), "DIGEST_INVALID");
    EXPECT_EQ(send("PUT", location + "?digest=x", {}, "content").code(), "DIGEST_INVALID");
    EXPECT_EQ(send("PUT", location + "?digest=", {}, "content").status, 400u);
    expect_created(send("PUT", closing(location, digest), {}, "content"), digest);
}

TEST_P(BlobPush, AWrongDigestIs400AndEndsTheUpload) {
    const std::string location = begin("a/b");
    const Answer answer = send("PUT", closing(location, sha256("wrong")), {}, "content");
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(answer.code(), "DIGEST_INVALID");
    EXPECT_THAT(answer.message(), HasSubstr(digest.to_string()));
    EXPECT_EQ(get(location).status, 404u);
    EXPECT_EQ(get(blob_path("a/b", digest)).status, 404u);
}

TEST_P(BlobPush, ABodyThatBreaksOffKeepsTheUpload) {
    const std::string location = begin("a/b");
    ScriptedBody body({"con", break_off()}, 7);
    const Answer answer = send("PATCH", location, {}, &body);
    EXPECT_EQ(answer.status, 400u);
    EXPECT_EQ(answer.code(), "BLOB_UPLOAD_INVALID");
    expect_stands(get(location), 204, location, 3);
    expect_created(send("PUT", closing(location, digest), {{"Content-Range", "3-6"}}, "tent"),
                   digest);
}

TEST_P(BlobPush, End4cAnnouncesTheAlgorithm) {
    for (const char* name : {"sha256", "sha512"}) {
        const Answer answer =
            send("POST", "/v2/a/b/blobs/uploads/?digest-algorithm=" + std::string(name));
        EXPECT_EQ(answer.status, 202u);
        const std::string location = upload_itself(answer.field("Location"));
        send("PATCH", location, {}, "con");
        expect_created(send("PUT", closing(location, sha512("content")), {}, "tent"),
                       sha512("content"));
    }
    // Not announced: taken all the same.
    const std::string location = begin("a/b");
    send("PATCH", location, {}, "late");
    expect_created(send("PUT", closing(location, sha512("late"))), sha512("late"));
    for (const char* name : {"sha384", "SHA256", "", "md5"}) {
        const Answer answer =
            send("POST", "/v2/a/b/blobs/uploads/?digest-algorithm=" + std::string(name));
        EXPECT_EQ(answer.status, 400u) << name;
        EXPECT_EQ(answer.code(), "DIGEST_INVALID") << name;
    }
}

TEST_P(BlobPush, End11MountsFromAnotherRepository) {
    registry.push("from/here", "content");
    const std::string mount = "/v2/a/b/blobs/uploads/?mount=" + digest.to_string();
    expect_created(send("POST", mount + "&from=from/here"), digest);
    expect_created(send("POST", mount + "&from=from%2Fhere"), digest);
    EXPECT_EQ(get(blob_path("a/b", digest)).body, "content");
}

TEST_P(BlobPush, AMountThatIsNotPossibleBeginsAnUpload) {
    registry.push("from/here", "content");
    const std::string uploads = "/v2/a/b/blobs/uploads/";
    for (const std::string& query : {"?mount=" + digest.to_string() + "&from=not/here",
                                     "?mount=" + sha256("other").to_string() + "&from=from/here",
                                     "?mount=" + sha256("other").to_string()}) {
        const Answer answer = send("POST", uploads + query);
        expect_stands(answer, 202, answer.field("Location"), 0);
    }
    EXPECT_EQ(get(blob_path("a/b", digest)).status, 404u);
    EXPECT_EQ(send("POST", uploads + "?mount=x&from=from/here").code(), "DIGEST_INVALID");
    EXPECT_EQ(send("POST", uploads + "?mount=" + digest.to_string() + "&from=../x").code(),
              "NAME_INVALID");
}

TEST_P(BlobPush, AMountWithoutFromDependsOnWhoMayDoThat) {
    registry.push("from/here", "content");
    const std::string mount = "/v2/a/b/blobs/uploads/?mount=" + digest.to_string();
    ProtocolOptions strict;
    strict.mount_from_anywhere = false;
    reopen({}, strict);
    EXPECT_EQ(send("POST", mount).status, 202u);
    EXPECT_EQ(get(blob_path("a/b", digest)).status, 404u);
    expect_created(send("POST", mount + "&from=from/here"), digest);
    reopen({}, {});
    expect_created(send("POST", "/v2/c/blobs/uploads/?mount=" + digest.to_string()), digest, "c");
}

TEST_P(BlobPush, AnotherRepositorysUploadIsUnknown) {
    const std::string location = begin("a/b");
    const std::string other = "/v2/c" + location.substr(location.find("/blobs/"));
    EXPECT_EQ(get(other).status, 404u);
    EXPECT_EQ(send("PATCH", other, {}, "x").status, 404u);
    EXPECT_EQ(send("DELETE", other).status, 404u);
    EXPECT_EQ(get(location).status, 204u);
}

TEST_P(BlobPush, IsRefusedInReadOnlyMode) {
    registry.push("a/b", "content");
    RegistryOptions options;
    options.read_only = true;
    reopen(options);
    for (const std::string& query : {std::string(), "?digest=" + sha256("x").to_string(),
                                     "?mount=" + digest.to_string() + "&from=a/b"}) {
        const Answer answer = send("POST", "/v2/c/blobs/uploads/" + query, {}, "x");
        EXPECT_EQ(answer.status, 405u);
        EXPECT_EQ(answer.code(), "UNSUPPORTED");
    }
    EXPECT_EQ(send("DELETE", blob_path("a/b", digest)).status, 405u);
    EXPECT_EQ(get(blob_path("a/b", digest)).status, 200u);
}

}  // namespace
}  // namespace pkgreg
