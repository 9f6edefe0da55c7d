// Signatures, against the examples that Amazon publishes (Amazon S3 API Reference, "Signature
// Calculations for the Authorization Header: Transferring Payload in a Single Chunk" and
// "Authenticating Requests: Using Query Parameters").
#include "s3/signature.hpp"

#include "s3/checksums.hpp"
#include "s3/encoding.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;

const Credentials keys{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
constexpr std::chrono::sys_seconds time = std::chrono::sys_days(std::chrono::May / 24 / 2013);

SignableRequest example(std::string method, std::string path) {
    SignableRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers.push_back({"host", "examplebucket.s3.amazonaws.com"});
    request.payload_hash = empty_payload;
    return request;
}

std::string authorization(SignableRequest request) {
    sign(request, keys, "us-east-1", time);
    return std::string(find(request.headers, "authorization"));
}

std::string expected(const std::string& headers, const std::string& signature) {
    return "AWS4-HMAC-SHA256 "
           "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
           headers + ",Signature=" + signature;
}

TEST(Signature, IsThatOfAmazonsExampleForGettingAnObject) {
    SignableRequest request = example("GET", "/test.txt");
    request.headers.push_back({"range", "bytes=0-9"});
    EXPECT_EQ(authorization(request),
              expected("host;range;x-amz-content-sha256;x-amz-date",
                       "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST(Signature, IsThatOfAmazonsExampleForPuttingAnObject) {
    const std::string body = "Welcome to Amazon S3.";
    SignableRequest request = example("PUT", "/" + uri_encode_path("test$file.text"));
    request.headers.push_back({"date", "Fri, 24 May 2013 00:00:00 GMT"});
    request.headers.push_back({"x-amz-storage-class", "REDUCED_REDUNDANCY"});
    request.payload_hash = content_sha256(std::as_bytes(std::span(body)));
    EXPECT_EQ(authorization(request),
              expected("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                       "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(Signature, IsThatOfAmazonsExampleForAParameterWithoutValue) {
    SignableRequest request = example("GET", "/");
    request.query.push_back({"lifecycle", ""});
    EXPECT_EQ(authorization(request),
              expected("host;x-amz-content-sha256;x-amz-date",
                       "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(Signature, IsThatOfAmazonsExampleForListingObjects) {
    SignableRequest request = example("GET", "/");
    request.query = {{"prefix", "J"}, {"max-keys", "2"}};
    EXPECT_EQ(authorization(request),
              expected("host;x-amz-content-sha256;x-amz-date",
                       "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(Signature, IsThatOfAmazonsExampleForASignedUrl) {
    SignableRequest request = example("GET", "/test.txt");
    request.payload_hash = unsigned_payload;
    presign(request, keys, "us-east-1", time, 86400s);
    EXPECT_EQ(canonical_query(request.query),
              "X-Amz-Algorithm=AWS4-HMAC-SHA256"
              "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
              "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
              "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
              "&X-Amz-SignedHeaders=host");
}

TEST(Signature, CoversTheTokenOfASession) {
    Credentials session = keys;
    session.session_token = "a/token+with=signs";
    SignableRequest request = example("GET", "/");
    sign(request, session, "us-east-1", time);
    EXPECT_EQ(find(request.headers, "x-amz-security-token"), session.session_token);
    EXPECT_NE(find(request.headers, "authorization").find(";x-amz-security-token,"),
              std::string::npos);

    SignableRequest url = example("GET", "/");
    presign(url, session, "us-east-1", time, 60s);
    EXPECT_EQ(find(url.query, "X-Amz-Security-Token"), session.session_token);
}

TEST(Signature, SortsParametersAsTheyAreEncoded) {
    EXPECT_EQ(canonical_query({{"b", "2"}, {"a b", "1"}, {"a", "z"}, {"a", "/"}}),
              "a=%2F&a=z&a%20b=1&b=2");
}

}  // namespace
}  // namespace pkgreg::s3
