// Secrets are taken out of URLs, and nothing else is.
#include "base/mask_secrets.hpp"

#include <gtest/gtest.h>

namespace pkgreg {
namespace {

TEST(MaskedUrl, text_without_secrets_is_unchanged) {
    for (const std::string_view url :
         {"", "/", "/v2/", "/v2/a/b/blobs/uploads/?digest=sha256:00&mount=x&from=c/d",
          "127.0.0.1:5000", "https://s3.us-east-1.amazonaws.com",
          "https://host:9000/a@b?n=10&last=v1", "?", "/a?", "/a?n", "/a?&&=&",
          "registry.example.com/app@sha256:ab", "unix:/run/x.sock", "http://[::1]:5000/",
          "/v2/a/tags/list?n=5&last=latest#top"}) {
        EXPECT_EQ(masked_url(url), url);
    }
}

TEST(MaskedUrl, user_information_is_masked) {
    EXPECT_EQ(masked_url("https://user:pass@host/path"), "https://***@host/path");
    EXPECT_EQ(masked_url("https://token@host"), "https://***@host");
    EXPECT_EQ(masked_url("https://u:p@ss@host:1/x"), "https://***@host:1/x");
    EXPECT_EQ(masked_url("https://AKIA:ab/cd+e@host/x"), "https://***@host/x");
    EXPECT_EQ(masked_url("https://:p@"), "https://***@");
}

TEST(MaskedUrl, secret_parameters_are_masked_whatever_their_spelling) {
    EXPECT_EQ(masked_url("/a?access_token=abc&n=1"), "/a?access_token=***&n=1");
    EXPECT_EQ(masked_url("/a?n=1&Signature=abc"), "/a?n=1&Signature=***");
    EXPECT_EQ(masked_url("/a?X-Amz-Credential=AKIA%2Fx&x-amz-signature=ff&X-Amz-Date=1"),
              "/a?X-Amz-Credential=***&x-amz-signature=***&X-Amz-Date=***");
    EXPECT_EQ(masked_url("/a?%61ccess%5Ftoken=abc"), "/a?%61ccess%5Ftoken=***");
    EXPECT_EQ(masked_url("/a?client-secret=1;password=2;pwd=3"),
              "/a?client-secret=***;password=***;pwd=***");
    EXPECT_EQ(masked_url("/a#id_token=abc"), "/a#id_token=***");
    EXPECT_EQ(masked_url("https://h/?sig=a?b"), "https://h/?sig=***?b");
    EXPECT_EQ(masked_url("/a?token=a=b"), "/a?token=***");
}

TEST(MaskedUrl, a_url_inside_a_parameter_loses_its_user) {
    EXPECT_EQ(masked_url("s3://b/p?proxy=http://user:pa;s#s?w@host:3128&region=r"),
              "s3://b/p?proxy=***&region=r");
    EXPECT_EQ(masked_url("s3://b/p?proxy=http%3a%2F%2Fuser%3Apass%40host"), "s3://b/p?proxy=***");
    EXPECT_EQ(masked_url("s3://b/p?proxy=http://host:3128"), "s3://b/p?proxy=http://host:3128");
}

TEST(MaskedUrl, where_a_secret_lies_is_shown) {
    constexpr std::string_view url =
        "s3://b/p?credential-secret-path=folder/name&credential-file=/etc/keys&"
        "credential-profile-name=x&endpoint=http://127.0.0.1:9000";
    EXPECT_EQ(masked_url(url), url);
}

}  // namespace
}  // namespace pkgreg
