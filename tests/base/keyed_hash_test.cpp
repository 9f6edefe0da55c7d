// SipHash-2-4 against the vectors of its authors, in pieces of every size.
#include "base/keyed_hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace pkgreg {
namespace {

constexpr KeyedHash::Key key{0x0706050403020100, 0x0f0e0d0c0b0a0908};

/// The bytes 0, 1, 2 and so on.
std::string counting(std::size_t length) {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) text.push_back(static_cast<char>(i));
    return text;
}

TEST(KeyedHash, IsSipHash24) {
    // From the authors' vectors.h, for inputs of these lengths.
    EXPECT_EQ(KeyedHash(key).value(), 0x726fdb47dd0e0e31);
    EXPECT_EQ(KeyedHash(key).add(counting(1)).value(), 0x74f839c593dc67fd);
    EXPECT_EQ(KeyedHash(key).add(counting(7)).value(), 0xab0200f58b01d137);
    EXPECT_EQ(KeyedHash(key).add(counting(8)).value(), 0x93f5f5799a932462);
    EXPECT_EQ(KeyedHash(key).add(counting(15)).value(), 0xa129ca6149be45e5);  // appendix A
}

TEST(KeyedHash, DoesNotDependOnWhereTheBytesAreCut) {
    const std::string text = counting(40);
    const std::uint64_t whole = KeyedHash(key).add(text).value();
    for (std::size_t first = 0; first <= text.size(); ++first) {
        for (std::size_t second = first; second <= text.size(); ++second) {
            const std::string_view view = text;
            EXPECT_EQ(KeyedHash(key)
                          .add(view.substr(0, first))
                          .add(view.substr(first, second - first))
                          .add(view.substr(second))
                          .value(),
                      whole);
        }
    }
}

TEST(KeyedHash, DependsOnItsKey) {
    EXPECT_NE(KeyedHash(key).add("a").value(), KeyedHash({1, 2}).add("a").value());
}

}  // namespace
}  // namespace pkgreg
