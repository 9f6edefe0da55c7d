#include "s3/checksums.hpp"

#include "pkgreg/error.hpp"

#include "s3/crc32c.hpp"
#include "s3/encoding.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdint>
#include <memory>
#include <string>

namespace pkgreg::s3 {
namespace {

/// The algorithms, from a library context of our own: an application may have loaded other
/// providers into the default one, or allow only some algorithms there. Never destroyed: a transfer
/// may outlive static objects.
struct Algorithms {
    OSSL_LIB_CTX* const context = OSSL_LIB_CTX_new();
    EVP_MD* const sha256 = EVP_MD_fetch(context, "SHA256", nullptr);
    EVP_MD* const md5 = EVP_MD_fetch(context, "MD5", nullptr);
    EVP_MAC* const hmac = EVP_MAC_fetch(context, "HMAC", nullptr);
};

const Algorithms& algorithms() {
    static const Algorithms* const instance = new Algorithms;
    return *instance;
}

[[noreturn]] void throw_missing(const std::string& name) {
    throw Error(ErrorCode::unsupported,
                name + " is not to be had from this machine's OpenSSL; choose another checksum");
}

template <std::size_t Size>
std::array<unsigned char, Size> digest(const EVP_MD* algorithm, const std::string& name,
                                       std::span<const std::byte> bytes) {
    std::array<unsigned char, Size> out;
    if (!algorithm ||
        EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, algorithm, nullptr) != 1) {
        throw_missing(name);
    }
    return out;
}

struct FreeMac {
    void operator()(EVP_MAC_CTX* mac) const noexcept { EVP_MAC_CTX_free(mac); }
};

}  // namespace

Sha256 sha256(std::span<const std::byte> bytes) {
    return digest<32>(algorithms().sha256, "SHA-256", bytes);
}

Sha256 hmac_sha256(std::span<const unsigned char> key, std::string_view text) {
    char hash[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_end()};
    const std::unique_ptr<EVP_MAC_CTX, FreeMac> mac(EVP_MAC_CTX_new(algorithms().hmac));
    Sha256 out;
    std::size_t size = 0;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (!mac || EVP_MAC_init(mac.get(), key.data(), key.size(), parameters) != 1 ||
        EVP_MAC_update(mac.get(), bytes, text.size()) != 1 ||
        EVP_MAC_final(mac.get(), out.data(), &size, out.size()) != 1 || size != out.size()) {
        throw Error(
            ErrorCode::unsupported,
            "HMAC-SHA-256, which requests to S3 are signed with, is not to be had from this "
            "machine's OpenSSL");
    }
    return out;
}

std::string content_sha256(std::span<const std::byte> bytes) {
    return to_hex(sha256(bytes));
}

std::string content_md5(std::span<const std::byte> bytes) {
    return to_base64(digest<16>(algorithms().md5, "MD5", bytes));
}

std::string content_crc32c(std::span<const std::byte> bytes) {
    const std::uint32_t crc = crc32c(bytes);
    const std::array<unsigned char, 4> big_endian = {
        static_cast<unsigned char>(crc >> 24), static_cast<unsigned char>(crc >> 16),
        static_cast<unsigned char>(crc >> 8), static_cast<unsigned char>(crc)};
    return to_base64(big_endian);
}

}  // namespace pkgreg::s3
