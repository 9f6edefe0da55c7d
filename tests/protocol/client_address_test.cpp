// Where requests come from: who is believed, and how far.
#include "protocol/client_address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pkgreg {
namespace {

using Lines = std::vector<std::string>;

/// The address of a request that came from `client` with these fields `X-Forwarded-For`.
std::string address(std::string_view client, const Lines& forwarded,
                    const std::vector<std::string>& trusted) {
    std::vector<HeaderField> fields = {{"Host", "a"}};
    for (const std::string& line : forwarded) fields.push_back({"x-forwarded-for", line});
    HttpRequest request;
    request.client = client;
    request.headers = fields;
    return std::string(client_address(request, ClientNetworks("trusted-proxies", trusted)));
}

TEST(ClientAddress, IsWhoIsConnectedWhereNoProxyIsTrusted) {
    EXPECT_EQ(address("192.0.2.1:80", {}, {}), "192.0.2.1:80");
    EXPECT_EQ(address("192.0.2.1:80", {"198.51.100.1"}, {}), "192.0.2.1:80");
    EXPECT_EQ(address("192.0.2.1:80", {"198.51.100.1"}, {"10.0.0.0/8"}), "192.0.2.1:80");
    EXPECT_EQ(address("unix", {"198.51.100.1"}, {"10.0.0.0/8"}), "unix");
}

TEST(ClientAddress, IsToldByATrustedProxy) {
    EXPECT_EQ(address("10.0.0.1:80", {"198.51.100.1"}, {"10.0.0.0/8"}), "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {"2001:db8::1"}, {"10.0.0.0/8"}), "2001:db8::1");
    EXPECT_EQ(address("10.0.0.1:80", {"[2001:db8::1]:4711"}, {"10.0.0.0/8"}), "[2001:db8::1]:4711");
    EXPECT_EQ(address("unix", {" 198.51.100.1\t"}, {"unix"}), "198.51.100.1");
    EXPECT_EQ(address("[::ffff:10.0.0.1]:80", {"198.51.100.1"}, {"10.0.0.0/8"}), "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {}, {"10.0.0.0/8"}), "10.0.0.1:80");
    EXPECT_EQ(address("10.0.0.1:80", {""}, {"10.0.0.0/8"}), "10.0.0.1:80");
}

TEST(ClientAddress, IsNotWhatTheClientItselfWroteInFront) {
    EXPECT_EQ(address("10.0.0.1:80", {"1.1.1.1, 2.2.2.2, 198.51.100.1"}, {"10.0.0.0/8"}),
              "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {"1.1.1.1", "198.51.100.1"}, {"10.0.0.0/8"}), "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {"10.0.0.7, 198.51.100.1"}, {"10.0.0.0/8"}), "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {"unix, 198.51.100.1"}, {"10.0.0.0/8", "unix"}),
              "198.51.100.1");
}

TEST(ClientAddress, IsFollowedThroughSeveralTrustedProxies) {
    EXPECT_EQ(address("10.0.0.1:80", {"1.1.1.1, 198.51.100.1, 10.0.0.2"}, {"10.0.0.0/8"}),
              "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {"1.1.1.1, 198.51.100.1", "2001:db8::2, 10.0.0.2"},
                      {"10.0.0.0/8", "2001:db8::/32"}),
              "198.51.100.1");
    EXPECT_EQ(address("10.0.0.1:80", {"10.0.0.3, 10.0.0.2"}, {"10.0.0.0/8"}), "10.0.0.3");
    EXPECT_EQ(address("10.0.0.1:80", {"198.51.100.1, 10.0.0.2"}, {"*"}), "198.51.100.1");
}

TEST(ClientAddress, EndsWhereSomethingIsNoAddress) {
    for (const char* told : {"unknown", "unix", "_hidden", "a.example", "*", "198.51.100.1;",
                             "\"\"", "198.51.100.1, , "}) {
        EXPECT_EQ(address("10.0.0.1:80", {told}, {"10.0.0.0/8", "unix"}), "10.0.0.1:80") << told;
    }
    EXPECT_EQ(address("10.0.0.1:80", {"198.51.100.1, unknown, 10.0.0.2"}, {"10.0.0.0/8"}),
              "10.0.0.2");
}

}  // namespace
}  // namespace pkgreg
