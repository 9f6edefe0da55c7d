// What holds for the protocol as a whole: end-1, paths that do not exist, methods, malformed
// targets, health.
#include "protocol/protocol_test.hpp"

namespace pkgreg {
namespace {

using testing::HasSubstr;

class General : public ProtocolTest {};
INSTANTIATE_TEST_SUITE_P(Stores, General, testing::ValuesIn(store_kinds()), kind_name);

TEST_P(General, End1SaysThatTheProtocolIsSpoken) {
    for (const char* path : {"/v2/", "/v2"}) {
        const Answer answer = get_and_head(path);
        EXPECT_EQ(answer.status, 200u);
        EXPECT_EQ(answer.body, "{}");
        EXPECT_EQ(answer.field("Content-Type"), "application/json");
    }
}

TEST_P(General, HealthIsTold) {
    const Answer answer = get_and_head("/health");
    EXPECT_EQ(answer.status, 200u);
    EXPECT_THAT(answer.body, HasSubstr("\"healthy\":true"));
    const Answer refused = send("POST", "/health");
    EXPECT_EQ(refused.status, 405u);
    EXPECT_EQ(refused.field("Allow"), "GET, HEAD");
}

TEST_P(General, APathThatDoesNotExistIs404) {
    for (const char* path : {"/v1/", "/v3/a/tags/list", "/v2x", "/index.html", "/v2/a/b"}) {
        EXPECT_EQ(get_and_head(path).status, 404u) << path;
    }
}

TEST_P(General, AMethodThatAPathDoesNotTakeIs405WithThoseThatItTakes) {
    const std::string digest = sha256("x").to_string();
    const std::pair<std::string, std::string> table[] = {
        {"/v2/", "GET, HEAD"},
        {"/v2/_catalog", "GET, HEAD"},
        {"/v2/a/tags/list", "GET, HEAD"},
        {"/v2/a/referrers/" + digest, "GET, HEAD"},
        {"/v2/a/blobs/" + digest, "GET, HEAD, DELETE"},
        {"/v2/a/manifests/latest", "GET, HEAD, PUT, DELETE"},
        {"/v2/a/blobs/uploads/", "POST"},
        {"/v2/a/blobs/uploads/id", "GET, HEAD, PATCH, PUT, DELETE"},
    };
    for (const auto& [path, allowed] : table) {
        for (const std::string method :
             {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
            if ((", " + allowed + ",").find(", " + method + ",") != std::string::npos) continue;
            const Answer answer = send(method, path);
            EXPECT_EQ(answer.status, 405u) << method << " " << path;
            EXPECT_EQ(answer.field("Allow"), allowed) << method << " " << path;
            if (method != "HEAD") {
                EXPECT_EQ(answer.code(), "UNSUPPORTED");
            }
        }
    }
}

TEST_P(General, ATargetThatCannotBeReadIs400) {
    for (const std::string& target :
         {std::string(""), std::string("*"), std::string("v2/"), std::string("/v2/%"),
          std::string("/v2/%zz/tags/list"), std::string("/v2/a%00b/tags/list"),
          std::string("/v2/a\0b/tags/list", 16), std::string("/v2/a/tags/list?n=%"),
          std::string("/v2/_catalog?last=%00")}) {
        EXPECT_EQ(get(target).status, 400u) << target;
    }
}

TEST_P(General, ANameThatLeavesItsPlaceIsRefused) {
    const std::string digest = sha256("x").to_string();
    for (const char* name :
         {"..", "../..", "a/..", "a/../b", "./a", "%2e%2e", "a%2F..%2Fb", "..%2f..%2fetc",
          "_uploads", "a/_tags", "a//b", "A", "a%20b", "a%0Ab"}) {
        const std::string root = "/v2/" + std::string(name);
        for (const std::string& path :
             {root + "/tags/list", root + "/blobs/" + digest, root + "/manifests/latest",
              root + "/referrers/" + digest, root + "/blobs/uploads/id"}) {
            const Answer answer = get(path);
            EXPECT_EQ(answer.status, 400u) << path;
            EXPECT_EQ(answer.code(), "NAME_INVALID") << path;
        }
        EXPECT_EQ(send("POST", root + "/blobs/uploads/").code(), "NAME_INVALID") << name;
        EXPECT_EQ(send("DELETE", root).status, 400u) << name;
    }
    EXPECT_EQ(all_keys(store()), std::vector<std::string>{"format"});
}

TEST_P(General, AnEncodedPathMeansTheSame) {
    const Digest digest = registry.push("a/b", "content");
    TestImage("one").push(registry, "a/b", "latest");
    EXPECT_EQ(get("/v2/a/b/blobs/sha256%3A" + digest.hex()).body, "content");
    EXPECT_EQ(get("/v2/a/b/blobs/sha256%3a" + digest.hex()).body, "content");
    EXPECT_EQ(get("/v2/a%2Fb/blobs/" + digest.to_string()).body, "content");
    EXPECT_EQ(get("/v2/a/b/manifests/%6catest").status, 200u);
    EXPECT_EQ(get("/v2/a/b/blobs/sha256%253A" + digest.hex()).status, 400u) << "decoded twice";
}

TEST_P(General, ALongOrStrangeMessageStaysValidJson) {
    const Answer answer = get("/v2/" + std::string(20'000, 'a') + "/tags/list");
    EXPECT_EQ(answer.code(), "NAME_INVALID");
    EXPECT_EQ(get("/%ff%fe\"\\").code(), "NAME_UNKNOWN");
    EXPECT_EQ(get("/v2/a/tags/list?n=%ff%22").status, 400u);
}

}  // namespace
}  // namespace pkgreg
