#include "base/jose.hpp"

#include "pkgreg/error.hpp"

#include "base/base64url.hpp"
#include "base/json_text.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include <array>
#include <new>
#include <optional>
#include <utility>

namespace pkgreg::jose {
namespace {

/// r and s of ES256, and the coordinates of a point.
constexpr std::size_t p256_bytes = 32;

template <auto Free>
struct Freeing {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};

using Bio = std::unique_ptr<BIO, Freeing<&BIO_free_all>>;
using BigNumber = std::unique_ptr<BIGNUM, Freeing<&BN_free>>;
using Digesting = std::unique_ptr<EVP_MD_CTX, Freeing<&EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freeing<&EVP_PKEY_CTX_free>>;
using ParamBuilder = std::unique_ptr<OSSL_PARAM_BLD, Freeing<&OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freeing<&OSSL_PARAM_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freeing<&ECDSA_SIG_free>>;
using Key = std::shared_ptr<EVP_PKEY>;

const unsigned char* bytes(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) noexcept {
    return reinterpret_cast<unsigned char*>(text.data());
}

[[noreturn]] void refuse(std::string problem) {
    ERR_clear_error();  // what OpenSSL noted is of no use to whoever comes next on this thread
    throw Error(ErrorCode::invalid_argument, std::move(problem));
}

/// What cannot fail but for memory.
template <class T>
T* require(T* object) {
    if (object == nullptr) throw std::bad_alloc();
    return object;
}
void require(int result) {
    if (result <= 0) {
        ERR_clear_error();
        throw Error(ErrorCode::internal, "OpenSSL could not sign or read a key");
    }
}

/// Only what tokens may be signed with.
Algorithm algorithm_of(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") == 1) {
        const int bits = EVP_PKEY_get_bits(key);
        if (bits < min_rsa_bits || bits > max_rsa_bits) {
            refuse("an RSA key of " + std::to_string(bits) + " bits; it must have " +
                   std::to_string(min_rsa_bits) + " to " + std::to_string(max_rsa_bits));
        }
        return Algorithm::rs256;
    }
    std::array<char, 64> group{};
    if (EVP_PKEY_is_a(key, "EC") == 1 &&
        EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
        std::string_view(group.data()) == SN_X9_62_prime256v1) {
        return Algorithm::es256;
    }
    refuse("neither an RSA key nor one on the curve P-256");
}

Key shared(EVP_PKEY* key) {
    return Key(key, &EVP_PKEY_free);
}

BigNumber number(std::string_view big_endian) {
    return BigNumber(
        require(BN_bin2bn(bytes(big_endian), static_cast<int>(big_endian.size()), nullptr)));
}

Key key_from(const char* type, OSSL_PARAM_BLD* builder) {
    const Params params(require(OSSL_PARAM_BLD_to_param(builder)));
    const KeyContext context(require(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr)));
    EVP_PKEY* key = nullptr;
    if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
        refuse(std::string("not a public key of the type ") + type);
    }
    return shared(key);
}

/// A number of the key, big-endian, without leading zeros or of a given width.
std::string parameter(EVP_PKEY* key, const char* name, std::size_t width = 0) {
    BIGNUM* value = nullptr;
    require(EVP_PKEY_get_bn_param(key, name, &value));
    const BigNumber owner(value);
    std::string text(width != 0 ? width : static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    require(BN_bn2binpad(value, bytes(text), static_cast<int>(text.size())));
    return text;
}

/// DER (RFC 3279, section 2.2.3) from r and s side by side (RFC 7518, section 3.4).
std::optional<std::string> der_from_raw(std::string_view raw) {
    if (raw.size() != 2 * p256_bytes) return std::nullopt;
    BigNumber r = number(raw.substr(0, p256_bytes));
    BigNumber s = number(raw.substr(p256_bytes));
    const Signature signature(require(ECDSA_SIG_new()));
    require(ECDSA_SIG_set0(signature.get(), r.release(), s.release()));
    std::string der(static_cast<std::size_t>(i2d_ECDSA_SIG(signature.get(), nullptr)), '\0');
    unsigned char* end = bytes(der);
    i2d_ECDSA_SIG(signature.get(), &end);
    return der;
}

std::string raw_from_der(std::string_view der) {
    const unsigned char* begin = bytes(der);
    const Signature signature(
        require(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size()))));
    std::string raw(2 * p256_bytes, '\0');
    require(BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes(raw), p256_bytes));
    require(BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes(raw) + p256_bytes, p256_bytes));
    return raw;
}

Bio memory(std::string_view text) {
    return Bio(require(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))));
}

/// Instead of asking the terminal for a password.
int no_password(char*, int, int, void*) {
    return -1;
}

/// The members of a JWK that RFC 7638 takes the thumbprint of, in its order, without braces.
std::string required_members(EVP_PKEY* key, Algorithm algorithm) {
    const auto member = [](std::string_view name, const std::string& value) {
        return "\"" + std::string(name) + "\":\"" + value + "\"";
    };
    if (algorithm == Algorithm::rs256) {
        return member("e", to_base64url(parameter(key, OSSL_PKEY_PARAM_RSA_E))) + "," +
               member("kty", "RSA") + "," +
               member("n", to_base64url(parameter(key, OSSL_PKEY_PARAM_RSA_N)));
    }
    return member("crv", "P-256") + "," + member("kty", "EC") + "," +
           member("x", to_base64url(parameter(key, OSSL_PKEY_PARAM_EC_PUB_X, p256_bytes))) + "," +
           member("y", to_base64url(parameter(key, OSSL_PKEY_PARAM_EC_PUB_Y, p256_bytes)));
}

}  // namespace

PublicKey PublicKey::from_rsa(std::string_view n, std::string_view e) {
    // The bounds are checked on the key; these keep what comes from elsewhere small before that.
    if (n.empty() || n.size() > max_rsa_bits / 8 + 1) refuse("the modulus has no possible length");
    if (e.empty() || e.size() > 8) refuse("the exponent has no possible length");
    const BigNumber modulus = number(n);
    const BigNumber exponent = number(e);
    if (BN_is_odd(modulus.get()) == 0) refuse("the modulus is even");
    if (BN_is_odd(exponent.get()) == 0 || BN_is_one(exponent.get()) == 1) {
        refuse("the exponent is even, or 1");
    }
    const ParamBuilder builder(require(OSSL_PARAM_BLD_new()));
    require(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()));
    require(OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()));
    Key key = key_from("RSA", builder.get());
    const Algorithm algorithm = algorithm_of(key.get());
    return PublicKey(std::move(key), algorithm);
}

PublicKey PublicKey::from_p256(std::string_view x, std::string_view y) {
    if (x.size() != p256_bytes || y.size() != p256_bytes) {
        refuse("the coordinates of a point on P-256 have 32 bytes each");
    }
    std::string point = "\x04";  // uncompressed (SEC 1, section 2.3.3)
    point.append(x).append(y);
    const ParamBuilder builder(require(OSSL_PARAM_BLD_new()));
    require(OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
                                            SN_X9_62_prime256v1, 0));
    require(OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                             point.size()));
    Key key = key_from("EC", builder.get());
    const KeyContext context(require(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr)));
    if (EVP_PKEY_public_check(context.get()) != 1) refuse("the point is not on the curve P-256");
    return PublicKey(std::move(key), Algorithm::es256);
}

PublicKey PublicKey::from_pem(std::string_view pem) {
    const Bio source = memory(pem);
    Key key = shared(PEM_read_bio_PUBKEY(source.get(), nullptr, &no_password, nullptr));
    if (!key) refuse("not a PEM file with a public key");
    const Algorithm algorithm = algorithm_of(key.get());
    return PublicKey(std::move(key), algorithm);
}

bool PublicKey::is_slow() const noexcept {
    constexpr int most_quick_bits = 4096;
    return algorithm_ == Algorithm::rs256 && EVP_PKEY_get_bits(key_.get()) > most_quick_bits;
}

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
    std::optional<std::string> der;
    if (algorithm_ == Algorithm::es256) {
        der = der_from_raw(signature);
        if (!der) return false;
        signature = *der;
    }
    const Digesting context(require(EVP_MD_CTX_new()));
    require(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()));
    const int result = EVP_DigestVerify(context.get(), bytes(signature), signature.size(),
                                        bytes(text), text.size());
    if (result != 1) ERR_clear_error();
    return result == 1;
}

std::string PublicKey::thumbprint() const {
    const std::string text = "{" + required_members(key_.get(), algorithm_) + "}";
    std::string hash(SHA256_DIGEST_LENGTH, '\0');
    SHA256(bytes(std::string_view(text)), text.size(), bytes(hash));
    return to_base64url(hash);
}

std::string PublicKey::jwk() const {
    return "{" + required_members(key_.get(), algorithm_) + R"(,"use":"sig","alg":")" +
           std::string(to_string(algorithm_)) + R"(","kid":")" + thumbprint() + "\"}";
}

PrivateKey PrivateKey::from_pem(std::string_view pem) {
    const Bio source = memory(pem);
    Key key = shared(PEM_read_bio_PrivateKey(source.get(), nullptr, &no_password, nullptr));
    if (!key) refuse("not a PEM file with a private key that needs no password");
    const Algorithm algorithm = algorithm_of(key.get());
    return PrivateKey(std::move(key), algorithm);
}

PrivateKey PrivateKey::generate_p256() {
    return PrivateKey(shared(require(EVP_EC_gen(SN_X9_62_prime256v1))), Algorithm::es256);
}

std::string PrivateKey::pem() const {
    const Bio sink(require(BIO_new(BIO_s_mem())));
    require(PEM_write_bio_PKCS8PrivateKey(sink.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                          nullptr));
    char* text = nullptr;
    const long size = BIO_get_mem_data(sink.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
}

std::string PrivateKey::signature(std::string_view text) const {
    const Digesting context(require(EVP_MD_CTX_new()));
    require(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()));
    std::size_t size = 0;
    require(EVP_DigestSign(context.get(), nullptr, &size, bytes(text), text.size()));
    std::string signature(size, '\0');
    require(EVP_DigestSign(context.get(), bytes(signature), &size, bytes(text), text.size()));
    signature.resize(size);
    return algorithm_ == Algorithm::rs256 ? signature : raw_from_der(signature);
}

std::string sign(const PrivateKey& key, std::string_view claims_json, std::string_view kid) {
    std::string header =
        R"({"alg":")" + std::string(to_string(key.algorithm())) + R"(","typ":"JWT")";
    if (!kid.empty()) header += ",\"kid\":" + json_string(kid);
    header += '}';
    std::string token = to_base64url(header) + '.' + to_base64url(claims_json);
    const std::string signature = key.signature(token);
    token += '.';
    token += to_base64url(signature);
    return token;
}

}  // namespace pkgreg::jose
