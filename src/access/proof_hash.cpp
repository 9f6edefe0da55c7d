#include "access/proof_hash.hpp"

#include "pkgreg/error.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <span>

namespace pkgreg::access {

ProofHash::ProofHash() {
    std::array<unsigned char, 64> key{};  // a block of SHA-256
    if (RAND_bytes(key.data(), 32) != 1) {
        throw Error(ErrorCode::internal, "the system gives no random bytes");
    }
    const auto begin = [&key](Hasher& hasher, unsigned char pad) {
        std::array<unsigned char, 64> block = key;
        for (unsigned char& byte : block) byte = static_cast<unsigned char>(byte ^ pad);
        hasher.update(std::as_bytes(std::span(block)));
    };
    begin(inner_, 0x36);
    begin(outer_, 0x5c);
}

ProofKey ProofHash::of(std::initializer_list<std::string_view> parts) const noexcept {
    Hasher inner = inner_;
    for (const std::string_view part : parts) {
        const std::uint64_t size = part.size();
        inner.update(std::as_bytes(std::span(&size, 1)));
        inner.update(part);
    }
    Hasher outer = outer_;
    outer.update(std::as_bytes(inner.digest().hash()));
    const Digest digest = outer.digest();
    ProofKey key{};
    std::ranges::copy(digest.hash(), key.begin());
    return key;
}

}  // namespace pkgreg::access
