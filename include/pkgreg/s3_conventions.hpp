// How a bucket is spoken to: what servers of S3's protocol differ in, chosen by options.
#pragma once

#include <cstdint>

namespace pkgreg {

/// How the bucket is named in a request (Amazon S3 User Guide, "Virtual hosting of buckets").
enum class S3Addressing : std::uint8_t {
    automatic,     ///< Virtual-host style for Amazon's own endpoints, path style for all others.
    path,          ///< `https://host/bucket/key`
    virtual_host,  ///< `https://bucket.host/key`
};

/// What guards the bytes of an upload against damage on the way.
enum class S3Checksum : std::uint8_t {
    /// Plain HTTP: the signed SHA-256 of the payload. TLS: `x-amz-checksum-crc32c` at Amazon's
    /// endpoints, `Content-MD5` elsewhere.
    automatic,
    sha256,  ///< The signed SHA-256 of the payload (`x-amz-content-sha256`), always.
    crc32c,  ///< `x-amz-checksum-crc32c`.
    md5,     ///< `Content-MD5`.
    none,  ///< `UNSIGNED-PAYLOAD` and nothing beside it (not over plain HTTP: there as automatic).
};

}  // namespace pkgreg
