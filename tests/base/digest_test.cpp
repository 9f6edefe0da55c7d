// Digest: only what the image specification allows can become one, and its text survives.
#include "pkgreg/digest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

namespace pkgreg {
namespace {

const std::string hex256(64, 'a');
const std::string hex512(128, 'b');

TEST(Digest, TextOfBothAlgorithmsSurvivesParsing) {
    for (const std::string& text :
         {"sha256:" + hex256, "sha512:" + hex512,
          std::string("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")}) {
        const Digest digest = Digest::parse(text);
        EXPECT_EQ(digest.to_string(), text);
        EXPECT_EQ(digest.hex(), text.substr(7));
        EXPECT_EQ(Digest(digest.algorithm(), digest.hash()), digest);
        std::string appended = "x";
        digest.append_to(appended);
        EXPECT_EQ(appended, "x" + text);
        EXPECT_EQ(Digest::try_parse_hex(digest.algorithm(), digest.hex()), digest);
    }
}

TEST(Digest, EveryMalformedTextIsRefused) {
    std::vector<std::string> malformed = {
        "",
        ":",
        "sha256",
        "sha256:",
        hex256,
        ":" + hex256,
        "sha256:" + hex256.substr(1),
        "sha256:" + hex256 + "a",
        "sha512:" + hex256,
        "sha256:" + hex512,
        "SHA256:" + hex256,
        "Sha256:" + hex256,
        "sha384:" + std::string(96, 'a'),
        "md5:" + std::string(32, 'a'),
        "sha256 :" + hex256,
        " sha256:" + hex256,
        "sha256:" + hex256 + " ",
        "sha256:" + hex256 + "\n",
        "sha256::" + hex256.substr(1),
        "sha256-" + hex256,
        "sha256+b64:" + hex256,
        "sha256:" + std::string(64, 'A'),
        "sha256:" + std::string(64, 'g'),
    };
    // Each place and each neighbour of the digits in ASCII.
    for (std::size_t i = 0; i < hex256.size(); ++i) {
        for (const char c : {'/', ':', '`', 'g', 'A', 'F', '\0', '\xff', ' '}) {
            std::string hex = hex256;
            hex[i] = c;
            malformed.push_back("sha256:" + hex);
        }
    }
    for (const std::string& text : malformed) {
        EXPECT_EQ(Digest::try_parse(text), std::nullopt) << text;
        try {
            Digest::parse(text);
            ADD_FAILURE() << "accepted: " << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::digest_invalid) << text;
        }
    }
}

TEST(Digest, AnUnsupportedAlgorithmIsNamedAsTheReason) {
    try {
        Digest::parse("sha384:" + std::string(96, 'a'));
        FAIL();
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("unsupported algorithm"), std::string::npos);
    }
}

TEST(Digest, AHashOfTheWrongLengthIsRefused) {
    for (const std::size_t length : {std::size_t{0}, std::size_t{31}, std::size_t{33}}) {
        EXPECT_THROW(Digest(DigestAlgorithm::sha256, std::vector<std::uint8_t>(length)), Error);
    }
    EXPECT_THROW(Digest(DigestAlgorithm::sha512, std::vector<std::uint8_t>(32)), Error);
}

TEST(Digest, OrderIsTheOrderOfTheText) {
    std::vector<std::string> texts = {
        "sha512:" + std::string(128, '0'), "sha256:" + std::string(64, 'f'),
        "sha256:" + std::string(64, '0'),  "sha256:0" + std::string(63, 'f'),
        "sha512:" + std::string(128, 'f'), "sha256:9" + std::string(63, '0'),
        "sha256:a" + std::string(63, '0'),
    };
    std::vector<Digest> digests;
    for (const std::string& text : texts) digests.push_back(Digest::parse(text));
    std::sort(texts.begin(), texts.end());
    std::sort(digests.begin(), digests.end());
    for (std::size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(digests[i].to_string(), texts[i]);
}

TEST(Digest, AShorterHashEqualsNoLongerOneThatBeginsLikeIt) {
    const Digest a = Digest::parse("sha256:" + std::string(64, '0'));
    const Digest b = Digest::parse("sha512:" + std::string(128, '0'));
    EXPECT_NE(a, b);
    EXPECT_EQ((std::unordered_set<Digest>{a, b, a}).size(), 2u);
}

}  // namespace
}  // namespace pkgreg
