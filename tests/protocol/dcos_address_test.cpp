// Under which address references point back to the registry.
#include "pkgreg/error.hpp"

#include "protocol/dcos/address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pkgreg::dcos {
namespace {

using Fields = std::vector<HeaderField>;

std::string address(const RequestAddress& from, const Fields& fields,
                    std::string_view client = "10.1.2.3:999") {
    HttpRequest request;
    request.target = "/repo";
    request.headers = fields;
    request.client = client;
    const RegistryAddress address = from.of(request);
    return address.resource_base + " " + address.image_host;
}

TEST(RequestAddress, IsTheHostThatTheRequestNames) {
    const RequestAddress plain("", {});
    EXPECT_EQ(address(plain, {{"Host", "registry.example.com:5000"}}),
              "http://registry.example.com:5000 registry.example.com:5000");
    EXPECT_EQ(address(plain, {{"host", "[::1]:5000"}}), "http://[::1]:5000 [::1]:5000");
}

TEST(RequestAddress, ImageReferencesAlwaysCarryThePort) {
    EXPECT_EQ(address(RequestAddress("", {}), {{"Host", "r.example.com"}}),
              "http://r.example.com r.example.com:80");
    EXPECT_EQ(address(RequestAddress("https://r.example.com", {}), {}),
              "https://r.example.com r.example.com:443");
    EXPECT_EQ(address(RequestAddress("https://r.example.com:443/", {}), {}),
              "https://r.example.com:443 r.example.com:443");
}

TEST(RequestAddress, AConfiguredUrlGoesBeforeEverything) {
    const RequestAddress configured("https://r.example.com:8443", {"0.0.0.0/0"});
    EXPECT_EQ(address(configured, {{"Host", "other:1"}, {"X-Forwarded-Host", "third:2"}}),
              "https://r.example.com:8443 r.example.com:8443");
}

TEST(RequestAddress, OnlyATrustedProxyIsBelieved) {
    const Fields fields = {{"Host", "inner:5000"},
                           {"X-Forwarded-Host", "outer.example.com, between"},
                           {"X-Forwarded-Proto", "HTTPS"}};
    const std::string believed = "https://outer.example.com outer.example.com:443";
    const std::string not_believed = "http://inner:5000 inner:5000";
    EXPECT_EQ(address(RequestAddress("", {}), fields), not_believed);
    EXPECT_EQ(address(RequestAddress("", {"10.0.0.0/8"}), fields), believed);
    EXPECT_EQ(address(RequestAddress("", {"10.1.2.3"}), fields), believed);
    EXPECT_EQ(address(RequestAddress("", {"10.2.0.0/16", "::/0"}), fields), not_believed);
    EXPECT_EQ(address(RequestAddress("", {"fd00::/8"}), fields, "[fd00::1]:80"), believed);
    EXPECT_EQ(address(RequestAddress("", {"fd00::/8"}), fields, "[fe00::1]:80"), not_believed);
    EXPECT_EQ(address(RequestAddress("", {"10.0.0.0/8"}), fields, "[::ffff:10.1.1.1]:80"),
              believed);
    EXPECT_EQ(address(RequestAddress("", {"unix"}), fields, "unix"), believed);
    EXPECT_EQ(address(RequestAddress("", {"0.0.0.0/0"}), fields, "unix"), not_believed);
}

TEST(RequestAddress, AForwardedPortCountsWhereTheHostHasNone) {
    const RequestAddress trusting("", {"10.0.0.0/8"});
    EXPECT_EQ(address(trusting, {{"Host", "a.example.com"}, {"X-Forwarded-Port", "8443"}}),
              "http://a.example.com:8443 a.example.com:8443");
    EXPECT_EQ(address(trusting, {{"Host", "a.example.com:1"}, {"X-Forwarded-Port", "8443"}}),
              "http://a.example.com:1 a.example.com:1");
}

TEST(RequestAddress, WhatIsNoAddressNeverGetsIntoADocument) {
    const RequestAddress plain("", {});
    for (const char* host : {"", "a\"b", "a b", "a/b", "user@host", "a:0", "a:65536", "a:x", "[",
                             "[::1", "a:1:2\\", "%41"}) {
        EXPECT_THROW(address(plain, {{"Host", host}}), Error) << host;
    }
    EXPECT_THROW(address(plain, {}), Error);
    EXPECT_THROW(address(plain, {{"Host", std::string(300, 'a')}}), Error);
}

TEST(RequestAddress, OptionsThatMeanNothingAreRefused) {
    for (const char* url : {"r.example.com", "ftp://r", "https://", "https://r/path", "http://r:x",
                            "http://user@r"}) {
        EXPECT_THROW(RequestAddress(url, {}), Error) << url;
    }
    for (const char* proxy :
         {"", "10.0.0.0/33", "10.0.0.0/", "proxy.example.com", "::1/129", "10.0.0.0/8x"}) {
        EXPECT_THROW(RequestAddress("", {proxy}), Error) << proxy;
    }
}

}  // namespace
}  // namespace pkgreg::dcos
