// The one file that uses OpenSSL's low-level SHA-2: its EVP interface cannot export the state of a
// hash, which an upload that goes on elsewhere needs. Both run the same assembly.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "pkgreg/hasher.hpp"

#include <openssl/sha.h>

#include <cstring>
#include <new>

namespace pkgreg {
namespace {

constexpr char magic256[] = "pkgreg-sha256-1";
constexpr char magic512[] = "pkgreg-sha512-1";

SHA256_CTX& sha256_of(std::byte* state) noexcept {
    return *std::launder(reinterpret_cast<SHA256_CTX*>(state));
}
SHA512_CTX& sha512_of(std::byte* state) noexcept {
    return *std::launder(reinterpret_cast<SHA512_CTX*>(state));
}

template <class Int>
void append_little_endian(std::string& out, Int value) {
    for (std::size_t i = 0; i < sizeof value; ++i) {
        out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }
}

template <class Int>
Int take_little_endian(std::string_view& in) {
    Int value = 0;
    for (std::size_t i = 0; i < sizeof value; ++i) {
        value |= static_cast<Int>(static_cast<unsigned char>(in[i])) << (8 * i);
    }
    in.remove_prefix(sizeof value);
    return value;
}

[[noreturn]] void not_a_state() {
    throw Error(ErrorCode::corrupt, "not a hash state that this version can resume");
}

// The chaining values, the length so far and the bytes of the incomplete block: all that a
// Merkle-Damgård hash is between two updates.
template <class Context>
std::string save_context(std::string_view magic, const Context& context, const void* block,
                         std::uint64_t size) {
    std::string out(magic);
    out.push_back('\0');
    append_little_endian(out, size);
    for (const auto word : context.h) append_little_endian(out, word);
    out.append(static_cast<const char*>(block), context.num);
    return out;
}

template <class Context>
std::uint64_t restore_context(std::string_view in, Context& context, void* block,
                              std::size_t block_size) {
    if (in.size() < 8 + sizeof context.h) not_a_state();
    const auto size = take_little_endian<std::uint64_t>(in);
    for (auto& word : context.h) word = take_little_endian<std::decay_t<decltype(word)>>(in);
    if (size > UINT64_MAX / 8 || in.size() != size % block_size) not_a_state();
    const std::uint64_t bits = size * 8;
    constexpr unsigned half = 8 * sizeof context.Nl;
    context.Nl = static_cast<decltype(context.Nl)>(bits);
    context.Nh = half < 64 ? static_cast<decltype(context.Nh)>(bits >> (half % 64)) : 0;
    context.num = static_cast<unsigned>(in.size());
    std::memcpy(block, in.data(), in.size());
    return size;
}

}  // namespace

static_assert(sizeof(SHA256_CTX) <= 216 && sizeof(SHA512_CTX) <= 216);

Hasher::Hasher(DigestAlgorithm algorithm) noexcept : algorithm_(algorithm), state_{} {
    if (algorithm == DigestAlgorithm::sha256) {
        SHA256_Init(new (state_) SHA256_CTX);
    } else {
        SHA512_Init(new (state_) SHA512_CTX);
    }
}

void Hasher::update(std::span<const std::byte> bytes) noexcept {
    size_ += bytes.size();
    if (algorithm_ == DigestAlgorithm::sha256) {
        SHA256_Update(&sha256_of(state_), bytes.data(), bytes.size());
    } else {
        SHA512_Update(&sha512_of(state_), bytes.data(), bytes.size());
    }
}

Digest Hasher::digest() const noexcept {
    Hasher copy(*this);  // Final consumes the state.
    std::uint8_t hash[64];
    if (algorithm_ == DigestAlgorithm::sha256) {
        SHA256_Final(hash, &sha256_of(copy.state_));
    } else {
        SHA512_Final(hash, &sha512_of(copy.state_));
    }
    return Digest(algorithm_, std::span(hash, digest_length(algorithm_)));
}

std::string Hasher::save() const {
    Hasher copy(*this);
    if (algorithm_ == DigestAlgorithm::sha256) {
        const SHA256_CTX& context = sha256_of(copy.state_);
        return save_context(magic256, context, context.data, size_);
    }
    const SHA512_CTX& context = sha512_of(copy.state_);
    return save_context(magic512, context, context.u.p, size_);
}

Hasher Hasher::restore(std::string_view state) {
    if (state.size() < sizeof magic256) not_a_state();
    const std::string_view magic(state.data(), sizeof magic256 - 1);
    if (state[magic.size()] != '\0') not_a_state();
    state.remove_prefix(sizeof magic256);
    if (magic == magic256) {
        Hasher hasher(DigestAlgorithm::sha256);
        SHA256_CTX& context = sha256_of(hasher.state_);
        hasher.size_ = restore_context(state, context, context.data, 64);
        return hasher;
    }
    if (magic == magic512) {
        Hasher hasher(DigestAlgorithm::sha512);
        SHA512_CTX& context = sha512_of(hasher.state_);
        hasher.size_ = restore_context(state, context, context.u.p, 128);
        return hasher;
    }
    not_a_state();
}

Digest Hasher::hash(DigestAlgorithm algorithm, std::string_view bytes) noexcept {
    Hasher hasher(algorithm);
    hasher.update(bytes);
    return hasher.digest();
}

}  // namespace pkgreg
