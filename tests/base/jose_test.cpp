// Signatures of JSON Web Tokens: what is signed is verified, what was changed is not; keys that are
// too weak or broken are refused.
#include "base/jose.hpp"

#include "pkgreg/error.hpp"

#include "base/base64url.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string>
#include <string_view>

namespace pkgreg::jose {
namespace {

std::string rsa_pem(unsigned bits) {
    EVP_PKEY* const key = EVP_RSA_gen(bits);
    BIO* const sink = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(sink, key, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(sink, &text);
    std::string pem(text, static_cast<std::size_t>(size));
    BIO_free(sink);
    EVP_PKEY_free(key);
    return pem;
}

const PrivateKey& rsa_key() {
    static const PrivateKey key = PrivateKey::from_pem(rsa_pem(2048));
    return key;
}

std::string refusal(const std::string& pem) {
    try {
        PrivateKey::from_pem(pem);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
        return error.message();
    }
    return "";
}

TEST(Base64Url, WritesTheExamplesOfTheSpecification) {
    EXPECT_EQ(to_base64url(""), "");
    EXPECT_EQ(to_base64url("f"), "Zg");
    EXPECT_EQ(to_base64url("fo"), "Zm8");
    EXPECT_EQ(to_base64url("foo"), "Zm9v");
    EXPECT_EQ(to_base64url("foobar"), "Zm9vYmFy");
    EXPECT_EQ(to_base64url("\xff\xfe\xfb"), "__77");
}

TEST(Base64Url, ReadsWhatItWrites) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
        bytes.push_back(static_cast<char>(i));
    }
}

TEST(Base64Url, TakesOneSpellingOnly) {
    // Padding, the other alphabet, blanks, a length that no bytes have, bits behind the last byte.
    for (const std::string_view text :
         {"Zg==", "Zm8=", "__7+", "//77", "Zm 8", "Z", "Zm9vY", "Zh", "Zm9", "Zm8\n", "Zm8."}) {
        EXPECT_EQ(from_base64url(text), std::nullopt) << text;
    }
}

TEST(Jose, SignsAndVerifiesRs256) {
    const std::string token = sign(rsa_key(), R"({"uid":"agent"})", "first");
    const std::size_t dot = token.rfind('.');
    EXPECT_EQ(from_base64url(std::string_view(token).substr(0, token.find('.'))),
              R"({"alg":"RS256","typ":"JWT","kid":"first"})");
    const std::string signature = *from_base64url(std::string_view(token).substr(dot + 1));
    EXPECT_EQ(signature.size(), 256U);
    EXPECT_TRUE(rsa_key().public_key().verifies(token.substr(0, dot), signature));
    EXPECT_FALSE(rsa_key().public_key().verifies(token.substr(0, dot - 1), signature));
}

TEST(Jose, SignsAndVerifiesEs256) {
    const PrivateKey key = PrivateKey::generate_p256();
    EXPECT_EQ(key.algorithm(), Algorithm::es256);
    // Numbers with leading zeros need padding; among so many there are some.
    for (int i = 0; i < 600; ++i) {
        const std::string text = "text " + std::to_string(i);
        const std::string signature = key.signature(text);
        ASSERT_EQ(signature.size(), 64U);
        ASSERT_TRUE(key.public_key().verifies(text, signature));
    }
    EXPECT_FALSE(PrivateKey::generate_p256().public_key().verifies("a", key.signature("a")));
}

TEST(Jose, TellsWhatIsSlow) {
    EXPECT_TRUE(rsa_key().is_slow());
    EXPECT_FALSE(rsa_key().public_key().is_slow());
    EXPECT_TRUE(PublicKey::from_rsa(std::string(1024, '\xff'), "\x03").is_slow());
    EXPECT_FALSE(PrivateKey::generate_p256().is_slow());
    EXPECT_FALSE(PrivateKey::generate_p256().public_key().is_slow());
}

TEST(Jose, RefusesSignaturesOfAnotherForm) {
    const PrivateKey key = PrivateKey::generate_p256();
    const PublicKey verifier = key.public_key();
    std::string signature = key.signature("a");
    EXPECT_TRUE(verifier.verifies("a", signature));
    EXPECT_FALSE(verifier.verifies("a", ""));
    EXPECT_FALSE(verifier.verifies("a", signature.substr(1)));
    EXPECT_FALSE(verifier.verifies("a", signature + '\0'));
    EXPECT_FALSE(verifier.verifies("a", std::string(64, '\0')));
    EXPECT_FALSE(verifier.verifies("a", std::string(64, '\xff')));
    signature[10] = static_cast<char>(signature[10] ^ 1);
    EXPECT_FALSE(verifier.verifies("a", signature));
    EXPECT_FALSE(rsa_key().public_key().verifies("a", std::string(256, '\xff')));
}

TEST(Jose, RefusesKeysThatAreTooSmallOrOfAnotherKind) {
    EXPECT_NE(refusal(rsa_pem(1024)).find("1024 bits"), std::string::npos);
    EXPECT_NE(refusal("-----BEGIN PRIVATE KEY-----\nsecret\n").find("not a PEM"),
              std::string::npos);
    EXPECT_EQ(refusal("-----BEGIN PRIVATE KEY-----\nsecret\n").find("secret"), std::string::npos);
    EXPECT_NE(refusal(""), "");
    EVP_PKEY* const other = EVP_EC_gen("P-384");
    BIO* const sink = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(sink, other, nullptr, nullptr, 0, nullptr, nullptr);
    char* text = nullptr;
    const long size = BIO_get_mem_data(sink, &text);
    EXPECT_NE(refusal(std::string(text, static_cast<std::size_t>(size))).find("P-256"),
              std::string::npos);
    BIO_free(sink);
    EVP_PKEY_free(other);
}

TEST(Jose, ReadsBackThePemItWrites) {
    const PrivateKey key = PrivateKey::generate_p256();
    const PrivateKey again = PrivateKey::from_pem(key.pem());
    EXPECT_TRUE(key.public_key().verifies("a", again.signature("a")));
}

TEST(Jose, TakesTheThumbprintOfTheSpecification) {
    // RFC 7638, section 3.1.
    const std::string n = *from_base64url(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_"
        "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_"
        "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI"
        "4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw");
    const PublicKey key = PublicKey::from_rsa(n, *from_base64url("AQAB"));
    EXPECT_EQ(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    EXPECT_THROW(PublicKey::from_rsa(n, std::string("\x01", 1)), Error);
    EXPECT_THROW(PublicKey::from_rsa(n, ""), Error);
    EXPECT_THROW(PublicKey::from_rsa(n.substr(0, 128), *from_base64url("AQAB")), Error);
    EXPECT_THROW(PublicKey::from_rsa(std::string(4096, '\xff'), "\x03"), Error);
}

TEST(Jose, TakesPointsOfTheCurveOnly) {
    // RFC 7515, appendix A.3.
    const std::string x = *from_base64url("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
    std::string y = *from_base64url("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    const PublicKey key = PublicKey::from_p256(x, y);
    EXPECT_TRUE(key.verifies(
        "eyJhbGciOiJFUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm"
        "NvbS9pc19yb290Ijp0cnVlfQ",
        *from_base64url(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJq"
            "PP3-Kg6NU1Q")));
    y[0] = static_cast<char>(y[0] ^ 1);
    EXPECT_THROW(PublicKey::from_p256(x, y), Error);
    EXPECT_THROW(PublicKey::from_p256(x.substr(1), y), Error);
    EXPECT_THROW(PublicKey::from_p256(std::string(32, '\0'), std::string(32, '\0')), Error);
}

}  // namespace
}  // namespace pkgreg::jose
