// ProofHash: HMAC-SHA-256 (RFC 2104) under a key that lives as long as the process. What was proved
// is remembered under the hash of the proof, so that no credential lies in memory and nobody can
// choose which ones share a place.
#pragma once

#include "pkgreg/hasher.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

namespace pkgreg::access {

using ProofKey = std::array<std::uint8_t, 32>;

/// For a table: any part of the hash is as good as another.
struct ProofKeyHash {
    std::size_t operator()(const ProofKey& key) const noexcept {
        std::size_t value = 0;
        std::memcpy(&value, key.data() + 8, sizeof value);
        return value;
    }
};

/// A value that never changes; any thread may use it.
class ProofHash {
 public:
    /// Under a new random key. Throws `internal` where the system has no random bytes.
    ProofHash();

    /// The hash of the parts, each with its length, so that no two lists share one.
    ProofKey of(std::initializer_list<std::string_view> parts) const noexcept;

 private:
    // The states behind the key's block: what is the same for every hash is computed once.
    Hasher inner_{DigestAlgorithm::sha256};
    Hasher outer_{DigestAlgorithm::sha256};
};

}  // namespace pkgreg::access
