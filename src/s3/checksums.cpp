#include "s3/checksums.hpp"

#include "pkgreg/error.hpp"

#include "s3/crc32c.hpp"
#include "s3/encoding.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdint>

namespace pkgreg::s3 {
namespace {

template <std::size_t Size>
std::array<unsigned char, Size> digest(const EVP_MD* algorithm, std::span<const std::byte> bytes) {
    std::array<unsigned char, Size> out;
    if (EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, algorithm, nullptr) != 1) {
        throw Error(ErrorCode::unsupported,
                    std::string(EVP_MD_get0_name(algorithm)) +
                        " is switched off in this machine's OpenSSL; choose another checksum");
    }
    return out;
}

}  // namespace

Sha256 sha256(std::span<const std::byte> bytes) {
    return digest<32>(EVP_sha256(), bytes);
}

Sha256 hmac_sha256(std::span<const unsigned char> key, std::string_view text) {
    Sha256 out;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), nullptr);
    return out;
}

std::string content_sha256(std::span<const std::byte> bytes) {
    return to_hex(sha256(bytes));
}

std::string content_md5(std::span<const std::byte> bytes) {
    return to_base64(digest<16>(EVP_md5(), bytes));
}

std::string content_crc32c(std::span<const std::byte> bytes) {
    const std::uint32_t crc = crc32c(bytes);
    const std::array<unsigned char, 4> big_endian = {
        static_cast<unsigned char>(crc >> 24), static_cast<unsigned char>(crc >> 16),
        static_cast<unsigned char>(crc >> 8), static_cast<unsigned char>(crc)};
    return to_base64(big_endian);
}

}  // namespace pkgreg::s3
