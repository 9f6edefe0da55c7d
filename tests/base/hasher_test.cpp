// Hasher: the digests that the standard gives, and a state that goes on where it was saved.
#include "pkgreg/hasher.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace pkgreg {
namespace {

constexpr DigestAlgorithm algorithms[] = {DigestAlgorithm::sha256, DigestAlgorithm::sha512};

std::string content(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 131 + (i >> 8) * 7);
    return text;
}

// FIPS 180-4 examples, and the empty message.
TEST(Hasher, GivesTheDigestsOfTheStandard) {
    const std::pair<std::string, const char*> sha256[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {std::string(1'000'000, 'a'),
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
    for (const auto& [text, hex] : sha256) {
        EXPECT_EQ(Hasher::hash(DigestAlgorithm::sha256, text).hex(), hex);
    }
    const std::pair<std::string, const char*> sha512[] = {
        {"",
         "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
         "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"},
        {"abc",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
        {std::string(1'000'000, 'a'),
         "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
         "de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b"}};
    for (const auto& [text, hex] : sha512) {
        EXPECT_EQ(Hasher::hash(DigestAlgorithm::sha512, text).hex(), hex);
    }
}

TEST(Hasher, GoesOnFromASavedStateAtEverySplit) {
    for (const DigestAlgorithm algorithm : algorithms) {
        const std::string all = content(301);
        for (std::size_t size = 0; size <= 300; size += size < 130 ? 1 : 17) {
            const std::string_view text = std::string_view(all).substr(0, size);
            const Digest whole = Hasher::hash(algorithm, text);
            for (std::size_t split = 0; split <= size; ++split) {
                Hasher first(algorithm);
                first.update(text.substr(0, split));
                Hasher second = Hasher::restore(first.save());
                EXPECT_EQ(second.size(), split);
                EXPECT_EQ(second.algorithm(), algorithm);
                EXPECT_EQ(second.digest(), first.digest());
                second.update(text.substr(split));
                ASSERT_EQ(second.digest(), whole) << size << " split at " << split;
                ASSERT_EQ(second.size(), size);
            }
        }
    }
}

TEST(Hasher, ManyRestoresInARowChangeNothing) {
    for (const DigestAlgorithm algorithm : algorithms) {
        const std::string text = content(5000);
        Hasher hasher(algorithm);
        for (std::size_t at = 0; at < text.size(); at += 77) {
            hasher.update(std::string_view(text).substr(at, 77));
            hasher = Hasher::restore(hasher.save());
        }
        EXPECT_EQ(hasher.digest(), Hasher::hash(algorithm, text));
    }
}

TEST(Hasher, ADigestInBetweenDisturbsNothing) {
    for (const DigestAlgorithm algorithm : algorithms) {
        const std::string text = content(400);
        Hasher hasher(algorithm);
        for (const char c : text) {
            hasher.update(std::string_view(&c, 1));
            static_cast<void>(hasher.digest());
        }
        Hasher copy = hasher;
        copy.update("more");
        EXPECT_EQ(hasher.digest(), Hasher::hash(algorithm, text));
    }
}

// A length at which both words of the standard's bit count are in use.
TEST(Hasher, ASavedLengthOfManyGibibytesIsKept) {
    for (const DigestAlgorithm algorithm : algorithms) {
        std::string state = Hasher(algorithm).save();
        const std::uint64_t size = std::uint64_t{100} << 30;
        for (std::size_t i = 0; i < 8; ++i) state[16 + i] = static_cast<char>(size >> (8 * i));
        const Hasher hasher = Hasher::restore(state);
        EXPECT_EQ(hasher.size(), size);
        EXPECT_EQ(hasher.save(), state);
        EXPECT_EQ(Hasher::restore(hasher.save()).digest(), hasher.digest());
    }
}

TEST(Hasher, AStateThatIsNoneIsRefused) {
    const auto refuses = [](std::string_view state) {
        try {
            Hasher::restore(state);
        } catch (const Error& error) {
            return error.code() == ErrorCode::corrupt;
        }
        return false;
    };
    EXPECT_TRUE(refuses(""));
    EXPECT_TRUE(refuses("garbage"));
    EXPECT_TRUE(refuses(std::string(500, '\0')));
    for (const DigestAlgorithm algorithm : algorithms) {
        Hasher hasher(algorithm);
        hasher.update(content(100));
        const std::string state = hasher.save();
        for (std::size_t size = 0; size < state.size(); ++size) {
            EXPECT_TRUE(refuses(state.substr(0, size))) << size;
        }
        EXPECT_TRUE(refuses(state + "x"));
        for (std::size_t i = 0; i < 16; ++i) {
            std::string other = state;
            other[i] ^= 1;
            EXPECT_TRUE(refuses(other)) << "byte " << i << " of the name and version";
        }
        // A length that does not fit the bytes of the open block, and one that no hash can have.
        std::string other = state;
        other[16] ^= 1;
        EXPECT_TRUE(refuses(other));
        other = state;
        other[23] = '\xff';
        EXPECT_TRUE(refuses(other));
    }
    // One algorithm's state under the name of the other.
    std::string foreign = Hasher(DigestAlgorithm::sha512).save();
    foreign.replace(0, 13, Hasher(DigestAlgorithm::sha256).save().substr(0, 13));
    EXPECT_TRUE(refuses(foreign));
}

}  // namespace
}  // namespace pkgreg
