#include "web/loopback_host.hpp"

#include <gtest/gtest.h>

namespace pkgreg {
namespace {

TEST(LoopbackHost, is_this_machine_under_any_port) {
    for (const auto* host :
         {"localhost", "localhost:1", "127.0.0.1:5000", "127.1.2.3", "[::1]", "[::1]:5000"}) {
        EXPECT_TRUE(is_loopback_host(host)) << host;
    }
    for (const auto* host :
         {"docker.io", "localhost.example:5000", "10.0.0.1", "[::2]:5000", "127.example.com"}) {
        EXPECT_FALSE(is_loopback_host(host)) << host;
    }
}

}  // namespace
}  // namespace pkgreg
