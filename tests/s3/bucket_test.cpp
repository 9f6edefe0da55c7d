// What a bucket makes of servers and networks that fail: what is tried again, what is settled by
// looking, and what is sent.
#include "s3/bucket.hpp"

#include "s3/checksums.hpp"
#include "s3/test_bucket.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view etag = "ETag: \"e\"\r\n";
constexpr std::string_view completed =
    "<CompleteMultipartUploadResult><ETag></ETag></CompleteMultipartUploadResult>";

Reply stored() {
    return reply(200, "", etag);
}
/// The answer to a HEAD: a length without a body.
Reply described(std::uint64_t size) {
    return reply(200, "", "ETag: \"e\"\r\nContent-Length: " + std::to_string(size) + "\r\n");
}

TEST(Retries, FollowWhatMayPass) {
    const Reply passing[] = {
        error_reply(503, "SlowDown"),
        error_reply(500, "InternalError"),
        error_reply(400, "RequestTimeout"),
        error_reply(409, "OperationAborted"),
        error_reply(400, "XAmzContentSHA256Mismatch"),
        reply(429, ""),
        reply(502, "<html>Bad gateway</html>"),
        {"", Then::reset},
        {"", Then::close},
        {"HTTP/1.1 200 OK\r\nContent-Le", Then::close},
        {"", Then::stall},
    };
    for (const Reply& passes : passing) {
        ScriptedServer server(
            [&](const Received& request) { return request.number < 3 ? passes : stored(); });
        const auto bucket =
            passes.then == Then::stall ? impatient_bucket(server) : test_bucket(server);
        EXPECT_EQ(put(*bucket, "text"), "\"e\"") << passes.text;
        EXPECT_EQ(server.requests(), 3) << passes.text;
        EXPECT_EQ(bucket->requests(), 3U) << passes.text;
        for (const Received& request : server.received()) EXPECT_EQ(request.body, "text");
    }
}

TEST(Retries, DoNotFollowWhatCannotPass) {
    const Reply lasting[] = {error_reply(403, "AccessDenied"), error_reply(400, "InvalidArgument"),
                             error_reply(501, "NotImplemented"), error_reply(507, "QuotaExceeded")};
    for (const Reply& lasts : lasting) {
        ScriptedServer server([&](const Received&) { return lasts; });
        const auto bucket = test_bucket(server);
        EXPECT_THROW(put(*bucket, "text"), Error);
        EXPECT_EQ(server.requests(), 1) << lasts.text;
    }
}

TEST(Retries, EndAfterTheAttemptsThatAreAllowed) {
    ScriptedServer server([](const Received&) {
        return error_reply(503, "SlowDown", "", "x-amz-request-id: tx-in-the-header\r\n");
    });
    const auto bucket = test_bucket(server);
    const Error error = error_of([&] { put(*bucket, "text"); });
    EXPECT_EQ(error.code(), ErrorCode::unavailable);
    EXPECT_EQ(server.requests(), 3);
    EXPECT_TRUE(has(error,
                    "PutObject of 'key', tried 3 times: SlowDown (HTTP 503, request "
                    "tx-in-the-header)"));
    EXPECT_TRUE(has(error, bucket->describe()));
}

TEST(Retries, WaitAsLongAsTheServerAsks) {
    ScriptedServer server([](const Received& request) {
        return request.number == 1 ? error_reply(503, "SlowDown", "", "Retry-After: 1\r\n")
                                   : stored();
    });
    const auto bucket = test_bucket(server);
    const auto begin = Clock::now();
    put(*bucket, "text");
    EXPECT_GE(Clock::now() - begin, 1s);
}

TEST(Retries, FetchATornAnswerAgain) {
    ScriptedServer server([](const Received& request) -> Reply {
        if (request.number == 1) {
            return {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234", Then::close};
        }
        return reply(200, "0123456789");
    });
    const auto bucket = test_bucket(server);
    EXPECT_EQ(*run_blocking(bucket->get("key", 100)), "0123456789");
    EXPECT_EQ(server.requests(), 2);
}

TEST(Retries, OfARemovalDoNotMindThatItIsDone) {
    ScriptedServer server([](const Received& request) -> Reply {
        return request.number == 1 ? Reply{"", Then::reset} : error_reply(404, "NoSuchKey");
    });
    const auto bucket = test_bucket(server);
    run_blocking(bucket->remove("key"));
    EXPECT_EQ(server.requests(), 2);
}

// Conditions.

TEST(ConditionalPut, OfAnEarlierTryOfItsOwnHolds) {
    for (const bool ours : {true, false}) {
        ScriptedServer server([&](const Received& request) -> Reply {
            if (request.method == "GET") return reply(200, ours ? "text" : "more", etag);
            EXPECT_EQ(request.header("if-none-match"), "*");
            return request.number == 1 ? Reply{"", Then::reset}
                                       : error_reply(412, "PreconditionFailed");
        });
        const auto bucket = test_bucket(server);
        WriteCondition absent;
        absent.if_absent = true;
        if (ours) {
            EXPECT_EQ(put(*bucket, "text", absent), "\"e\"");
        } else {
            const Error error = error_of([&] { put(*bucket, "text", absent); });
            EXPECT_EQ(error.code(), ErrorCode::precondition_failed);
        }
        EXPECT_EQ(server.requests(), 3);
    }
}

TEST(ConditionalPut, ThatWasRefusedAtOnceIsNobodysOwn) {
    ScriptedServer server([](const Received& request) {
        EXPECT_EQ(request.header("if-match"), "\"old\"");
        return error_reply(412, "PreconditionFailed");
    });
    const auto bucket = test_bucket(server);
    WriteCondition unchanged;
    unchanged.if_match = "\"old\"";
    const Error error = error_of([&] { put(*bucket, "text", unchanged); });
    EXPECT_EQ(error.code(), ErrorCode::precondition_failed);
    EXPECT_EQ(server.requests(), 1);
}

TEST(ConditionalPut, KnowsThatAKeptConnectionMayHaveCarriedItBefore) {
    // libcurl repeats a request by itself on a new connection when the kept one ends without a
    // word.
    ScriptedServer server([](const Received& request) -> Reply {
        switch (request.number) {
            case 1: return stored();
            case 2: return {"", Then::close};
            case 3: return error_reply(412, "PreconditionFailed");
            default: return reply(200, "text", etag);
        }
    });
    const auto bucket = test_bucket(server);
    put(*bucket, "first");
    WriteCondition absent;
    absent.if_absent = true;
    EXPECT_EQ(put(*bucket, "text", absent), "\"e\"");
    EXPECT_EQ(bucket->requests(), 4U);
}

// Multipart uploads.

void complete(Bucket& bucket, std::uint64_t size) {
    const std::vector<Part> parts = {{1, "\"a\""}};
    run_blocking(bucket.complete_upload("key", "id", parts, size));
}

TEST(CompleteUpload, DoesNotTakeAnErrorWithStatus200ForSuccess) {
    ScriptedServer server([](const Received& request) {
        return request.number == 1 ? error_reply(200, "InternalError") : reply(200, completed);
    });
    const auto bucket = test_bucket(server);
    complete(*bucket, 5);
    EXPECT_EQ(server.requests(), 2);
    EXPECT_EQ(server.received()[0].target, "/bucket/key?uploadId=id");
}

TEST(CompleteUpload, WithoutAnAnswerIsSettledByLooking) {
    for (const std::uint64_t size : {5U, 6U}) {
        ScriptedServer server([](const Received& request) -> Reply {
            if (request.method == "HEAD") return described(5);
            return request.number == 1 ? Reply{"", Then::reset} : error_reply(404, "NoSuchUpload");
        });
        const auto bucket = test_bucket(server);
        if (size == 5) {
            complete(*bucket, size);
        } else {
            const Error error = error_of([&] { complete(*bucket, size); });
            EXPECT_EQ(error.code(), ErrorCode::not_found);
            EXPECT_TRUE(has(error, "NoSuchUpload"));
        }
        EXPECT_EQ(server.requests(), 3);
    }
}

TEST(CompleteUpload, WhoseEveryTryFailsIsSettledByLooking) {
    ScriptedServer server([](const Received& request) {
        return request.method == "HEAD" ? described(5) : reply(500, "");
    });
    const auto bucket = test_bucket(server);
    complete(*bucket, 5);
    EXPECT_EQ(server.requests(), 4);
}

TEST(CompleteUpload, ThatIsRefusedDoesNotPassForDone) {
    ScriptedServer server([](const Received& request) {
        return request.method == "HEAD" ? described(5) : error_reply(403, "AccessDenied");
    });
    const auto bucket = test_bucket(server);
    EXPECT_EQ(error_of([&] { complete(*bucket, 5); }).code(), ErrorCode::denied);
    EXPECT_EQ(server.requests(), 1);
}

TEST(CopyPart, DoesNotTakeAnErrorWithStatus200ForSuccess) {
    ScriptedServer server([](const Received& request) {
        return request.number == 1
                   ? error_reply(200, "SlowDown")
                   : reply(200, "<CopyPartResult><ETag>\"c\"</ETag></CopyPartResult>");
    });
    const auto bucket = test_bucket(server);
    const Part part = run_blocking(bucket->copy_part("key", "id", 2, "the source", 5, 9));
    EXPECT_EQ(part.etag, "\"c\"");
    EXPECT_EQ(part.number, 2);
    EXPECT_EQ(server.received()[1].header("x-amz-copy-source"), "/bucket/the%20source");
    EXPECT_EQ(server.received()[1].header("x-amz-copy-source-range"), "bytes=5-9");
}

TEST(UploadPart, GuardsItsBytesAsTheOptionsSay) {
    ScriptedServer server([](const Received&) { return stored(); });
    // Large enough to be hashed on the pool.
    const std::string text(100'000, 'x');
    const auto send = [&](S3Checksum checksum) {
        S3StoreOptions options = test_options(server.url());
        options.checksum = checksum;
        const Part part =
            run_blocking(Bucket::open(options)->upload_part("key", "id", 1, bytes_of(text)));
        EXPECT_EQ(part.etag, "\"e\"");
        EXPECT_EQ(part.crc32c,
                  checksum == S3Checksum::crc32c ? content_crc32c(bytes_of(text)) : "");
        return server.received().back();
    };
    const std::string hash = content_sha256(bytes_of(text));
    // Over plain HTTP nothing else proves who sent the bytes.
    for (const S3Checksum signs : {S3Checksum::automatic, S3Checksum::sha256, S3Checksum::none}) {
        EXPECT_EQ(send(signs).header("x-amz-content-sha256"), hash);
    }
    const Received with_md5 = send(S3Checksum::md5);
    EXPECT_EQ(with_md5.header("content-md5"), content_md5(bytes_of(text)));
    EXPECT_EQ(with_md5.header("x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    const Received with_crc = send(S3Checksum::crc32c);
    EXPECT_EQ(with_crc.header("x-amz-checksum-crc32c"), content_crc32c(bytes_of(text)));
    EXPECT_NE(with_crc.header("authorization").find("x-amz-checksum-crc32c"), std::string::npos);
    EXPECT_EQ(with_crc.body, text);
}

TEST(CreateUpload, AsksForEncryptionAndStorageClass) {
    ScriptedServer server([](const Received& request) {
        EXPECT_EQ(request.header("x-amz-server-side-encryption"), "aws:kms");
        EXPECT_EQ(request.header("x-amz-server-side-encryption-aws-kms-key-id"), "a-key");
        EXPECT_EQ(request.header("x-amz-storage-class"), "STANDARD_IA");
        EXPECT_EQ(request.header("x-amz-checksum-algorithm"), "CRC32C");
        return reply(200,
                     "<InitiateMultipartUploadResult><UploadId>2~id</UploadId>"
                     "</InitiateMultipartUploadResult>");
    });
    S3StoreOptions options = test_options(server.url());
    options.encryption = "aws:kms";
    options.kms_key_id = "a-key";
    options.storage_class = "STANDARD_IA";
    options.checksum = S3Checksum::crc32c;
    EXPECT_EQ(run_blocking(Bucket::open(options)->create_upload("key")), "2~id");
}

TEST(AbortUpload, ThatIsGoneIsDone) {
    ScriptedServer server([](const Received&) { return error_reply(404, "NoSuchUpload"); });
    const auto bucket = test_bucket(server);
    run_blocking(bucket->abort_upload("key", "id"));
}

// What is mended on the way.

TEST(Region, ThatTheServerNamesIsUsedFromThenOn) {
    const std::string wrong = "<Region>eu-west-1</Region>";
    const Reply answers[] = {
        error_reply(400, "AuthorizationHeaderMalformed", wrong),
        error_reply(301, "PermanentRedirect", "", "x-amz-bucket-region: eu-west-1\r\n"),
        reply(301, "", "x-amz-bucket-region: eu-west-1\r\n"),
    };
    for (const Reply& answer : answers) {
        ScriptedServer server([&](const Received& request) {
            const bool right =
                request.header("authorization").find("/eu-west-1/s3/") != std::string::npos;
            return right ? stored() : answer;
        });
        const auto bucket = test_bucket(server);
        put(*bucket, "text");
        EXPECT_EQ(server.requests(), 2);
        put(*bucket, "text");
        EXPECT_EQ(server.requests(), 3);
    }
}

TEST(Region, ThatStaysWrongIsAnError) {
    ScriptedServer server([](const Received& request) {
        return error_reply(400, "AuthorizationHeaderMalformed",
                           request.number % 2 == 1 ? "<Region>a</Region>" : "<Region>b</Region>");
    });
    const auto bucket = test_bucket(server);
    EXPECT_TRUE(has(error_of([&] { put(*bucket, "text"); }), "check 'region'"));
    EXPECT_EQ(server.requests(), 2);
}

std::string http_date(std::chrono::seconds offset) {
    const std::time_t time =
        std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + offset);
    char text[64];
    std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", std::gmtime(&time));
    return text;
}

TEST(ClockSkew, IsCorrectedFromTheServersDateAndTold) {
    const auto offset = 3600s;
    ScriptedServer server([&](const Received& request) {
        const std::string date = http_date(offset);
        const bool right = request.header("x-amz-date").substr(9, 2) == date.substr(23, 2);
        if (right) return reply(200, "", date + std::string(etag));
        if (request.method == "HEAD") return reply(403, "", date);
        return error_reply(403, "RequestTimeTooSkewed", "", date);
    });
    for (const bool by_head : {false, true}) {
        std::string warning;
        S3StoreOptions options = test_options(server.url());
        options.warn = [&warning](std::string_view text) { warning = text; };
        const auto bucket = Bucket::open(options);
        EXPECT_FALSE(bucket->clock_offset());
        if (by_head) {
            EXPECT_TRUE(run_blocking(bucket->head("key")));
        } else {
            put(*bucket, "text");
        }
        ASSERT_TRUE(bucket->clock_offset());
        EXPECT_NEAR(static_cast<double>(bucket->clock_offset()->count()), 3600, 2);
        EXPECT_NE(warning.find("s behind the server's"), std::string::npos) << warning;
        put(*bucket, "text");
        EXPECT_EQ(bucket->requests(), 3U);
    }
}

TEST(CredentialsFile, IsReadAgainWhenTheServerRefusesItsKeys) {
    const auto file =
        std::filesystem::temp_directory_path() / ("s3-keys-" + std::to_string(::getpid()));
    const auto write = [&](const std::string& id) {
        std::ofstream(file) << "[default]\naws_access_key_id=" << id
                            << "\naws_secret_access_key=s\n";
    };
    ScriptedServer server([](const Received& request) {
        const bool right = request.header("authorization").find("=new/") != std::string::npos;
        return right ? stored() : error_reply(403, "InvalidAccessKeyId");
    });
    S3StoreOptions options = test_options(server.url());
    options.credentials = S3CredentialSource();
    options.credentials.file = file;
    write("old");
    const auto bucket = Bucket::open(options);
    const Error error = error_of([&] { put(*bucket, "text"); });
    EXPECT_EQ(error.code(), ErrorCode::denied);
    EXPECT_EQ(server.requests(), 1);
    write("new");
    put(*bucket, "text");
    EXPECT_EQ(server.requests(), 3);
    std::filesystem::remove(file);
}

// Listing and removing.

TEST(List, AsksForEncodedNamesAndDecodesThem) {
    ScriptedServer server([](const Received& request) {
        EXPECT_EQ(request.target,
                  "/bucket/?encoding-type=url&list-type=2&max-keys=7&prefix=a%20b%2F"
                  "&start-after=a%20b%2Fc");
        return reply(200,
                     "<ListBucketResult><IsTruncated>false</IsTruncated><Contents>"
                     "<Key>a%20b/d</Key><Size>3</Size></Contents></ListBucketResult>");
    });
    const auto bucket = test_bucket(server);
    const ObjectList list = run_blocking(bucket->list("a b/", "a b/c", 7));
    ASSERT_EQ(list.objects.size(), 1U);
    EXPECT_EQ(list.objects[0].key, "a b/d");
    EXPECT_FALSE(list.more);
}

TEST(Remove, OfManyKeysSendsAThousandAtATimeWithAChecksum) {
    ScriptedServer server([](const Received& request) {
        EXPECT_EQ(request.target, "/bucket/?delete=");
        EXPECT_EQ(request.header("content-md5"), content_md5(bytes_of(request.body)));
        return reply(200, "<DeleteResult/>");
    });
    const auto bucket = test_bucket(server);
    run_blocking(bucket->remove(std::vector<std::string>(1'001, "key")));
    EXPECT_EQ(server.requests(), 2);
    run_blocking(bucket->remove(std::vector<std::string>()));
    EXPECT_EQ(server.requests(), 2);
}

TEST(Remove, OfKeysThatXmlCannotHoldGoesOneByOne) {
    ScriptedServer server([](const Received& request) {
        EXPECT_EQ(request.method + " " + request.target, "DELETE /bucket/a%01");
        return reply(204, "");
    });
    const auto bucket = test_bucket(server);
    run_blocking(bucket->remove(std::vector<std::string>{"a\x01"}));
    EXPECT_EQ(server.requests(), 1);
}

TEST(Remove, OfManyKeysTriesThoseAgainThatFailed) {
    const auto failed = [](const std::string& code) {
        return reply(200, "<DeleteResult><Error><Key>b</Key><Code>" + code +
                              "</Code></Error></DeleteResult>");
    };
    ScriptedServer server([&](const Received& request) {
        if (request.number == 1) return failed("InternalError");
        EXPECT_EQ(request.body.find("<Key>a</Key>"), std::string::npos);
        return request.number == 2 ? failed("NoSuchKey") : failed("AccessDenied");
    });
    const auto bucket = test_bucket(server);
    run_blocking(bucket->remove(std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(server.requests(), 2);
    const Error error =
        error_of([&] { run_blocking(bucket->remove(std::vector<std::string>{"b"})); });
    EXPECT_TRUE(has(error, "DeleteObjects of 'b': AccessDenied"));
}

TEST(Background, IsDoneBeforeTheBucketIsGone) {
    ScriptedServer server([](const Received& request) {
        return request.method == "POST" ? reply(200, "<DeleteResult/>") : reply(204, "");
    });
    auto bucket = test_bucket(server);
    bucket->remove_later({"a", "b"});
    bucket->abort_upload_later("key", "id");
    bucket.reset();
    const auto received = server.received();
    ASSERT_EQ(received.size(), 2U);
    EXPECT_EQ(received[1].method + " " + received[1].target, "DELETE /bucket/key?uploadId=id");
}

TEST(Background, DoesNotKeepABucketFromGoing) {
    ScriptedServer server([](const Received&) { return Reply{"", Then::stall}; });
    S3StoreOptions options = test_options(server.url());
    options.stall_timeout = 60s;
    auto bucket = Bucket::open(options);
    bucket->remove_later({"a"});
    bucket->remove_later({"b"});
    const auto begin = Clock::now();
    bucket.reset();
    EXPECT_LT(Clock::now() - begin, 10s);
    EXPECT_EQ(server.requests(), 1);
}

// Connections.

TEST(Connections, AreKept) {
    ScriptedServer server([](const Received&) { return stored(); });
    const auto bucket = test_bucket(server);
    for (int i = 0; i < 10; ++i) put(*bucket, "text");
    EXPECT_EQ(server.connections(), 1);
}

TEST(Connections, TakeNoProxyFromTheEnvironment) {
    ScriptedServer server([](const Received&) { return stored(); });
    ::setenv("http_proxy", "http://127.0.0.1:1", 1);
    ::setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    const auto bucket = test_bucket(server);
    put(*bucket, "text");
    ::unsetenv("http_proxy");
    ::unsetenv("ALL_PROXY");
    EXPECT_EQ(server.requests(), 1);
}

TEST(Connections, GoThroughTheProxyThatTheOptionsName) {
    ScriptedServer proxy([](const Received& request) {
        EXPECT_EQ(request.target, "http://s3.invalid/bucket/key");
        EXPECT_EQ(request.header("host"), "s3.invalid");
        return stored();
    });
    S3StoreOptions options = test_options("http://s3.invalid");
    options.proxy = proxy.url();
    ::setenv("no_proxy", "s3.invalid", 1);
    put(*Bucket::open(options), "text");
    ::unsetenv("no_proxy");
    EXPECT_EQ(proxy.requests(), 1);
}

TEST(Keys, GoOutAsTheyAre) {
    ScriptedServer server([](const Received&) { return stored(); });
    const auto bucket = test_bucket(server);
    run_blocking(bucket->put("a/../b//./c d+e", {}, {}));
    EXPECT_EQ(server.received()[0].target, "/bucket/a/../b//./c%20d%2Be");
    EXPECT_EQ(server.received()[0].header("content-length"), "0");
    EXPECT_EQ(server.received()[0].header("expect"), "");
}

TEST(PresignedUrl, IsForTheObjectAndItsTime) {
    ScriptedServer server([](const Received&) { return stored(); });
    const auto bucket = test_bucket(server);
    const std::string url = run_blocking(bucket->presign_get("a b", 60s));
    EXPECT_TRUE(url.starts_with(server.url() + "/bucket/a%20b?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
    EXPECT_NE(url.find("&X-Amz-Expires=60&"), std::string::npos);
    EXPECT_EQ(url.find(test_secret), std::string::npos);
    EXPECT_EQ(server.requests(), 0);
    for (const std::chrono::seconds wrong : {0s, 604801s}) {
        EXPECT_THROW(run_blocking(bucket->presign_get("a", wrong)), Error);
    }
}

TEST(BucketConfiguration, IsReadWhereTheServerTellsIt) {
    ScriptedServer server([](const Received& request) {
        if (request.target == "/bucket/?versioning=") {
            return reply(200,
                         "<VersioningConfiguration><Status>Enabled</Status>"
                         "</VersioningConfiguration>");
        }
        return error_reply(404, "ObjectLockConfigurationNotFoundError");
    });
    const auto bucket = test_bucket(server);
    EXPECT_EQ(run_blocking(bucket->versioning()), "Enabled");
    EXPECT_FALSE(run_blocking(bucket->object_lock()));

    ScriptedServer silent([](const Received&) { return error_reply(501, "NotImplemented"); });
    EXPECT_EQ(run_blocking(test_bucket(silent)->versioning()), "");
    EXPECT_FALSE(run_blocking(test_bucket(silent)->object_lock()));
}

}  // namespace
}  // namespace pkgreg::s3
