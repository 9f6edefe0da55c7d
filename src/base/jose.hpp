// Keys and signatures of JSON Web Tokens (RFC 7515, 7518): RS256 and ES256, by OpenSSL. Reading and
// judging tokens is not done here: see access/jwt.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace pkgreg::jose {

/// A key has exactly one, by its type: RSA signs with RS256, EC P-256 with ES256. So a token's
/// header can only agree with the key, never choose.
enum class Algorithm : std::uint8_t { rs256, es256 };

/// As the header parameter `alg` writes it.
constexpr std::string_view to_string(Algorithm algorithm) noexcept {
    return algorithm == Algorithm::rs256 ? "RS256" : "ES256";
}

/// RSA keys have to have at least so many bits (RFC 7518, section 3.3), and at most that many: a
/// larger one would cost a millisecond and more for each token.
inline constexpr int min_rsa_bits = 2048;
inline constexpr int max_rsa_bits = 8192;

/// A value that never changes; copies share the key. Any thread may use one.
class PublicKey {
 public:
    /// Big-endian bytes of modulus and exponent (RFC 7518, section 6.3.1). Throws
    /// `invalid_argument` for what is no such key, or one of too few or too many bits.
    static PublicKey from_rsa(std::string_view n, std::string_view e);
    /// The coordinates of a point on P-256, 32 bytes each (RFC 7518, section 6.2.1). Throws
    /// `invalid_argument` for what is not on the curve.
    static PublicKey from_p256(std::string_view x, std::string_view y);
    /// `-----BEGIN PUBLIC KEY-----`. Throws `invalid_argument`.
    static PublicKey from_pem(std::string_view pem);

    Algorithm algorithm() const noexcept { return algorithm_; }
    /// Whether verifying takes longer than 0.1 ms, which is so with long RSA keys.
    bool is_slow() const noexcept;

    /// Whether `signature` (of ES256: r and s, 32 bytes each) is that of `text`.
    bool verifies(std::string_view text, std::string_view signature) const;

    /// The JWK thumbprint (RFC 7638): a name for the key that only depends on it.
    std::string thumbprint() const;
    /// The key as a JWK with `use`, `alg` and `kid`, its thumbprint.
    std::string jwk() const;

 private:
    friend class PrivateKey;
    PublicKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm) noexcept
        : key_(std::move(key)), algorithm_(algorithm) {}

    std::shared_ptr<evp_pkey_st> key_;
    Algorithm algorithm_;
};

/// A value that never changes; copies share the key. Any thread may use one.
class PrivateKey {
 public:
    /// PEM without a password, PKCS #8 or the older forms. Throws `invalid_argument`; the message
    /// never holds any of `pem`.
    static PrivateKey from_pem(std::string_view pem);
    /// A new key on P-256.
    static PrivateKey generate_p256();

    Algorithm algorithm() const noexcept { return algorithm_; }
    /// Whether signing takes longer than 0.1 ms, which is so with every RSA key: 0.25 ms with
    /// 2,048 bits, 40 ms with 8,192.
    bool is_slow() const noexcept { return algorithm_ == Algorithm::rs256; }
    PublicKey public_key() const { return PublicKey(key_, algorithm_); }
    /// PKCS #8, not encrypted.
    std::string pem() const;

    /// The bytes of a JWS signature of `text`.
    std::string signature(std::string_view text) const;

 private:
    PrivateKey(std::shared_ptr<evp_pkey_st> key, Algorithm algorithm) noexcept
        : key_(std::move(key)), algorithm_(algorithm) {}

    std::shared_ptr<evp_pkey_st> key_;
    Algorithm algorithm_;
};

/// A signed token in the compact form (RFC 7515, section 3.1), whose header is
/// `{"alg":…,"typ":"JWT"}`, with `"kid"` where one is given.
/// @param claims_json the payload, a JSON object
std::string sign(const PrivateKey& key, std::string_view claims_json, std::string_view kid = {});

}  // namespace pkgreg::jose
