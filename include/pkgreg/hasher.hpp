// Hasher: a digest computed as the bytes come, with a state that can be saved and resumed.
#pragma once

#include "pkgreg/digest.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg {

/// Computes a `Digest` over a stream (FIPS 180-4).
///
/// A value: copying it copies the state, which gives the digest of a common prefix for free. One
/// object is used by one thread at a time. Runs at the full speed of the processor's SHA
/// extensions; links OpenSSL's libcrypto.
class Hasher {
 public:
    explicit Hasher(DigestAlgorithm algorithm) noexcept;

    /// Adds bytes. Never fails.
    void update(std::span<const std::byte> bytes) noexcept;
    void update(std::string_view bytes) noexcept { update(std::as_bytes(std::span(bytes))); }

    /// The digest of everything so far. The hasher can go on afterwards.
    Digest digest() const noexcept;

    DigestAlgorithm algorithm() const noexcept { return algorithm_; }
    /// How many bytes were added.
    std::uint64_t size() const noexcept { return size_; }

    /// The state as bytes, for `restore` in another process or on another machine. The form is
    /// versioned, little-endian, about 110 (sha256) or 210 (sha512) bytes, and holds the last
    /// incomplete block of the content.
    std::string save() const;

    /// Goes on from a saved state. Throws `corrupt` when `state` is not one, or is of a form that
    /// this version does not know.
    static Hasher restore(std::string_view state);

    /// The digest of one piece of memory.
    static Digest hash(DigestAlgorithm algorithm, std::string_view bytes) noexcept;

 private:
    DigestAlgorithm algorithm_;
    std::uint64_t size_ = 0;
    // SHA256_CTX (112 bytes) or SHA512_CTX (216 bytes), without showing OpenSSL here.
    alignas(8) std::byte state_[216];
};

}  // namespace pkgreg
