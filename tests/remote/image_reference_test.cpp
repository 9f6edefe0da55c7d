// An image reference means what it means to Docker.
#include "remote/image_reference.hpp"

#include "pkgreg/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace pkgreg {
namespace {

using testing::HasSubstr;

const std::string digest = "sha256:" + std::string(64, 'a');

TEST(ImageReference, what_is_left_out_is_filled_in) {
    EXPECT_EQ(ImageReference::parse("nginx").str(), "docker.io/library/nginx:latest");
    EXPECT_EQ(ImageReference::parse("mesosphere/kafka:2").str(), "docker.io/mesosphere/kafka:2");
    EXPECT_EQ(ImageReference::parse("docker.io/nginx").str(), "docker.io/library/nginx:latest");
    EXPECT_EQ(ImageReference::parse("index.docker.io/a/b").str(), "docker.io/a/b:latest");
    EXPECT_EQ(ImageReference::parse("example.com/nginx").str(), "example.com/nginx:latest");
    EXPECT_EQ(ImageReference::parse("nginx@" + digest).str(), "docker.io/library/nginx@" + digest);
}

TEST(ImageReference, the_first_component_is_a_host_only_where_it_cannot_be_a_name) {
    for (const std::string host : {"localhost", "localhost:5000", "example.com", "host:1", "HOST",
                                   "127.0.0.1:5000", "[::1]:5000", "[fe80::1]", "a.b:65535"}) {
        const auto reference = ImageReference::parse(host + "/team/app:v1");
        EXPECT_EQ(reference.registry, host);
        EXPECT_EQ(reference.repository.str(), "team/app");
    }
    EXPECT_EQ(ImageReference::parse("host/app").registry, "docker.io");
    EXPECT_EQ(ImageReference::parse("app:5000").tag->str(), "5000");
}

TEST(ImageReference, a_digest_is_asked_for_rather_than_a_tag) {
    const auto reference = ImageReference::parse("example.com:443/a/b:v1@" + digest);
    EXPECT_EQ(reference.target(), digest);
    EXPECT_EQ(reference.tag->str(), "v1");
    EXPECT_EQ(ImageReference::parse("a/b:v1").target(), "v1");
}

TEST(ImageReference, what_is_none_is_refused_with_the_part_that_is_wrong) {
    const auto message = [](const std::string& text) {
        try {
            ImageReference::parse(text);
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
            return error.message();
        }
        return std::string("accepted");
    };
    EXPECT_THAT(message(""), HasSubstr("is not a name"));
    EXPECT_THAT(message("Nginx"), HasSubstr("'Nginx' is not a name"));
    EXPECT_THAT(message("a:"), HasSubstr("what follows ':'"));
    EXPECT_THAT(message("a:b c"), HasSubstr("what follows ':'"));
    EXPECT_THAT(message("a@sha256:1"), HasSubstr("what follows '@'"));
    EXPECT_THAT(message("a@md5:" + std::string(32, 'a')), HasSubstr("what follows '@'"));
    EXPECT_THAT(message("host:0/a"), HasSubstr("'host:0' is not a host"));
    EXPECT_THAT(message("host:65536/a"), HasSubstr("is not a host"));
    EXPECT_THAT(message("user:pass@host.example/a"), HasSubstr("what follows '@'"));
    EXPECT_THAT(message("-a.b/c"), HasSubstr("is not a host"));
    EXPECT_THAT(message("https://example.com/a"), HasSubstr("is not"));
    EXPECT_THAT(message("example.com/"), HasSubstr("is not a name"));
}

}  // namespace
}  // namespace pkgreg
