// Which paths belong to the DC/OS package protocol.
#include "protocol/dcos/route.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg::dcos {
namespace {

std::string parts(std::string_view path) {
    const Route route = find_route(path);
    std::string text = std::to_string(static_cast<int>(route.endpoint));
    for (const std::string_view part : {route.package, route.item, route.file}) {
        text.append("|").append(part);
    }
    return text;
}

std::string expected(Endpoint endpoint, std::string_view package = {}, std::string_view item = {},
                     std::string_view file = {}) {
    std::string text = std::to_string(static_cast<int>(endpoint));
    for (const std::string_view part : {package, item, file}) text.append("|").append(part);
    return text;
}

TEST(DcosRoute, PathsAreTakenApart) {
    EXPECT_EQ(parts("/"), expected(Endpoint::root));
    EXPECT_EQ(parts("/repo"), expected(Endpoint::repository));
    EXPECT_EQ(parts("/repo/"), expected(Endpoint::repository));
    EXPECT_EQ(parts("/package/kafka"), expected(Endpoint::package, "kafka"));
    EXPECT_EQ(parts("/resource/abc/sha256:00/a.tgz"),
              expected(Endpoint::resource, "abc", "sha256:00", "a.tgz"));
    EXPECT_EQ(parts("/resource/abc/sha256:00/a/b"),
              expected(Endpoint::resource, "abc", "sha256:00", "a/b"));
    EXPECT_EQ(parts("/api/v1/packages"), expected(Endpoint::packages));
    EXPECT_EQ(parts("/api/v1/packages/"), expected(Endpoint::packages));
    EXPECT_EQ(parts("/api/v1/packages/kafka/1.0"), expected(Endpoint::version, "kafka", "1.0"));
    EXPECT_EQ(parts("/api/v1/universe"), expected(Endpoint::universe));
}

TEST(DcosRoute, OtherPathsAreNobodys) {
    for (const char* path :
         {"", "/repository", "/package", "/package/", "/package/a/b", "/resource/",
          "/resource/abc/sha256:00", "/resource/abc/sha256:00/", "/api/v1/packagesx",
          "/api/v1/packages/kafka", "/api/v1/packages/kafka/", "/api/v1/packages/kafka/1.0/x",
          "/api/v1/universe/x", "/api/v1", "/v2/"}) {
        EXPECT_EQ(find_route(path).endpoint, Endpoint::none) << path;
    }
}

}  // namespace
}  // namespace pkgreg::dcos
