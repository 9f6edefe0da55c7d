// What a person is told: what happened, where, and what to do about it, and never a secret.
#include "s3/bucket.hpp"
#include "s3/test_bucket.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace pkgreg::s3 {
namespace {

/// The error of a put that is answered like this.
Error put_error(const Reply& answer) {
    ScriptedServer server([&](const Received&) { return answer; });
    const auto bucket = answer.then == Then::stall ? impatient_bucket(server) : test_bucket(server);
    return error_of([&] { put(*bucket, "text"); });
}

TEST(Errors, TellWhatIsWrongWithTheKeys) {
    const Error secret = put_error(error_reply(403, "SignatureDoesNotMatch"));
    EXPECT_EQ(secret.code(), ErrorCode::denied);
    EXPECT_TRUE(has(secret, "SignatureDoesNotMatch (HTTP 403, request tx-in-the-body)"));
    EXPECT_TRUE(has(secret, "check the secret"));
    const Error id = put_error(error_reply(403, "InvalidAccessKeyId"));
    EXPECT_EQ(id.code(), ErrorCode::denied);
    EXPECT_TRUE(has(id, "does not know this access key id"));
}

TEST(Errors, NameThePermissionThatIsMissing) {
    const Error error = put_error(error_reply(403, "AccessDenied"));
    EXPECT_EQ(error.code(), ErrorCode::denied);
    EXPECT_TRUE(has(error, "s3:PutObject on arn:aws:s3:::bucket/key"));
}

TEST(Errors, TellThatTheBucketIsMissing) {
    const Error error = put_error(error_reply(404, "NoSuchBucket"));
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_TRUE(has(error, "s3://bucket at http://127.0.0.1:"));
    EXPECT_TRUE(has(error, "create it, or correct 'bucket' or 'endpoint'"));
    ScriptedServer server([](const Received&) { return error_reply(404, "NoSuchBucket"); });
    EXPECT_THROW(run_blocking(test_bucket(server)->get("key", 10)), Error);
}

TEST(Errors, TellHowFarTheClockIsOff) {
    const Error error = put_error(
        error_reply(403, "RequestTimeTooSkewed", "", "Date: Mon, 12 Oct 2009 17:50:30 GMT\r\n"));
    EXPECT_EQ(error.code(), ErrorCode::denied);
    EXPECT_TRUE(has(error, "set this machine's clock, which is "));
    EXPECT_TRUE(has(error, " s ahead of the server's"));
}

TEST(Errors, HaveACodeForPrograms) {
    EXPECT_EQ(put_error(error_reply(507, "InsufficientStorage")).code(), ErrorCode::no_space);
    EXPECT_EQ(put_error(error_reply(403, "QuotaExceeded")).code(), ErrorCode::no_space);
    EXPECT_EQ(put_error(error_reply(400, "EntityTooLarge")).code(), ErrorCode::too_large);
    EXPECT_EQ(put_error(error_reply(501, "NotImplemented")).code(), ErrorCode::unsupported);
    EXPECT_EQ(put_error(error_reply(400, "InvalidArgument")).code(), ErrorCode::io);
    EXPECT_EQ(put_error({"", Then::stall}).code(), ErrorCode::timeout);
    EXPECT_EQ(put_error({"", Then::reset}).code(), ErrorCode::unavailable);
    EXPECT_EQ(put_error({"hello, I speak something else\r\n", Then::close}).code(), ErrorCode::io);
}

TEST(Errors, OfAnEndpointThatIsDownSayWhereToLook) {
    S3StoreOptions options = test_options("http://127.0.0.1:1");
    const Error down = error_of([&] { put(*Bucket::open(options), "text"); });
    EXPECT_EQ(down.code(), ErrorCode::unavailable);
    EXPECT_TRUE(has(down, "tried 3 times"));
    EXPECT_TRUE(has(down, "check that the endpoint is right, that the server runs"));
    options = test_options("http://no-such-host.invalid");
    const Error unknown = error_of([&] { put(*Bucket::open(options), "text"); });
    EXPECT_EQ(unknown.code(), ErrorCode::unavailable);
    EXPECT_TRUE(has(unknown, "host name"));
}

TEST(Errors, OfAHeadHaveTheReasonThatOnlyAGetIsTold) {
    ScriptedServer server([](const Received& request) {
        return request.method == "HEAD" ? reply(403, "")
                                        : error_reply(403, "SignatureDoesNotMatch");
    });
    const auto bucket = test_bucket(server);
    const Error error = error_of([&] { run_blocking(bucket->head("key")); });
    EXPECT_TRUE(has(error, "SignatureDoesNotMatch"));
    EXPECT_EQ(server.requests(), 2);
}

TEST(Errors, KeepAServersTextOnOneLineOfBoundedLength) {
    const std::string message = "<Message>line\none" + std::string(5'000, 'x') + "</Message>";
    const Error error = put_error(reply(400, "<Error><Code>Odd</Code>" + message + "</Error>"));
    EXPECT_TRUE(has(error, "line one"));
    EXPECT_LT(error.message().size(), 600U);
}

TEST(Options, ThatCannotWorkAreRefusedByName) {
    const auto refused = [](auto change) {
        S3StoreOptions options = test_options("http://127.0.0.1:1");
        change(options);
        const Error error = error_of([&] { Bucket::open(options); });
        EXPECT_EQ(error.code(), ErrorCode::invalid_options) << error.message();
        return error.message().substr(0, error.message().find(':'));
    };
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.bucket = ""; }), "bucket");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.credentials.secret_access_key = ""; }),
              "credentials");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.encryption = "rot13"; }), "encryption");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.kms_key_id = "x"; }), "kms_key_id");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.storage_class = "GLACIER"; }), "storage_class");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.region = "a\r\nb"; }), "region");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.attempts = 0; }), "attempts");
    EXPECT_EQ(refused([](S3StoreOptions& o) { o.ca_file = "/no/such/file"; }), "ca_file");
}

}  // namespace
}  // namespace pkgreg::s3
