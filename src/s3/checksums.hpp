// What S3 lets a client send along to guard a payload, each in the form in which it is sent.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

using Sha256 = std::array<unsigned char, 32>;

Sha256 sha256(std::span<const std::byte> bytes);
inline Sha256 sha256(std::string_view text) {
    return sha256(std::as_bytes(std::span(text)));
}
Sha256 hmac_sha256(std::span<const unsigned char> key, std::string_view text);

/// `x-amz-content-sha256`: hexadecimal.
std::string content_sha256(std::span<const std::byte> bytes);
/// `Content-MD5`: base64.
std::string content_md5(std::span<const std::byte> bytes);
/// `x-amz-checksum-crc32c`: the CRC, most significant byte first, in base64.
std::string content_crc32c(std::span<const std::byte> bytes);

}  // namespace pkgreg::s3
