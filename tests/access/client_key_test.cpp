// Addresses: which of them are the same client's.
#include "access/client_key.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pkgreg::access {
namespace {

std::string key(std::string_view client) {
    return std::string(ClientKey(client).bytes());
}

TEST(ClientKey, IsOnePerIpv4Address) {
    EXPECT_EQ(key("192.0.2.1:4711"), key("192.0.2.1:80"));
    EXPECT_EQ(key("192.0.2.1:4711"), key("192.0.2.1"));
    EXPECT_NE(key("192.0.2.1:80"), key("192.0.2.2:80"));
    EXPECT_NE(key("192.0.2.1"), key("1.2.0.192"));
}

TEST(ClientKey, IsOnePerIpv6NetworkOf64Bits) {
    EXPECT_EQ(key("[2001:db8:1:2::1]:80"), key("[2001:db8:1:2:ffff:ffff:ffff:ffff]:81"));
    EXPECT_EQ(key("[2001:db8:1:2::1]:80"), key("2001:0DB8:1:2:0:0:0:1"));
    EXPECT_EQ(key("[fe80::1%eth0]:80"), key("fe80::1"));
    EXPECT_NE(key("[2001:db8:1:2::1]:80"), key("[2001:db8:1:3::1]:80"));
}

TEST(ClientKey, TakesAnIpv4AddressInIpv6ForWhatItIs) {
    EXPECT_EQ(key("[::ffff:192.0.2.1]:80"), key("192.0.2.1:81"));
    EXPECT_NE(key("[::ffff:192.0.2.1]:80"), key("[::ffff:192.0.2.2]:80"));
}

TEST(ClientKey, IsOneForAllUnixSockets) {
    EXPECT_EQ(key("unix"), key("unix:/run/pkgreg.sock"));
    EXPECT_NE(key("unix"), key("192.0.2.1:80"));
}

TEST(ClientKey, IsTheTextOfWhatIsNoAddress) {
    EXPECT_EQ(key("batch job 7"), key("batch job 7"));
    EXPECT_NE(key("batch job 7"), key("batch job 8"));
    EXPECT_NE(key(""), key("unix"));
    EXPECT_NE(key(std::string("192.0.2.1\0x", 11)), key("192.0.2.1"));
    EXPECT_EQ(key(std::string(1000, 'a')), key(std::string(2000, 'a')));
}

TEST(IsAddress, KnowsAddressesFromOtherTexts) {
    for (const char* text : {"192.0.2.1", "192.0.2.1:80", "::1", "[::1]", "[::1]:80",
                             "fe80::1%eth0", "::ffff:192.0.2.1"}) {
        EXPECT_TRUE(is_address(text)) << text;
    }
    for (const char* text :
         {"", "unix", "unknown", "_hidden", "192.0.2", "192.0.2.256", "192.0.2.01", "[::1", "::g",
          "a.example:80", "192.0.2.1, 192.0.2.2", "[]", "[]:1"}) {
        EXPECT_FALSE(is_address(text)) << text;
    }
}

}  // namespace
}  // namespace pkgreg::access
