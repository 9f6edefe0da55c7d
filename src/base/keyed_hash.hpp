// KeyedHash: SipHash-2-4, a hash whose collisions nobody finds who does not know its key. For
// tables whose keys strangers choose.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pkgreg {

/// J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF" (2012). A value; bytes are
/// added in pieces, whose boundaries do not count.
class KeyedHash {
 public:
    struct Key {
        std::uint64_t first = 0;
        std::uint64_t second = 0;
    };

    explicit KeyedHash(Key key) noexcept
        : v0_(key.first ^ 0x736f6d6570736575),
          v1_(key.second ^ 0x646f72616e646f6d),
          v2_(key.first ^ 0x6c7967656e657261),
          v3_(key.second ^ 0x7465646279746573) {}

    KeyedHash& add(std::string_view bytes) noexcept {
        const char* at = bytes.data();
        std::size_t left = bytes.size();
        length_ += left;
        for (; left > 0 && pending_bits_ != 0; ++at, --left) add_byte(*at);
        for (; left >= 8; at += 8, left -= 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, 8);
            if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
            compress(word);
        }
        for (; left > 0; ++at, --left) add_byte(*at);
        return *this;
    }

    std::uint64_t value() noexcept {
        compress(pending_ | (length_ << 56));
        v2_ ^= 0xff;
        for (int i = 0; i < 4; ++i) round();
        return v0_ ^ v1_ ^ v2_ ^ v3_;
    }

 private:
    void add_byte(char byte) noexcept {
        pending_ |= std::uint64_t{static_cast<unsigned char>(byte)} << pending_bits_;
        pending_bits_ = (pending_bits_ + 8) % 64;
        if (pending_bits_ != 0) return;
        compress(pending_);
        pending_ = 0;
    }
    void compress(std::uint64_t word) noexcept {
        v3_ ^= word;
        round();
        round();
        v0_ ^= word;
    }
    void round() noexcept {
        v0_ += v1_;
        v1_ = std::rotl(v1_, 13) ^ v0_;
        v0_ = std::rotl(v0_, 32);
        v2_ += v3_;
        v3_ = std::rotl(v3_, 16) ^ v2_;
        v0_ += v3_;
        v3_ = std::rotl(v3_, 21) ^ v0_;
        v2_ += v1_;
        v1_ = std::rotl(v1_, 17) ^ v2_;
        v2_ = std::rotl(v2_, 32);
    }

    std::uint64_t v0_;
    std::uint64_t v1_;
    std::uint64_t v2_;
    std::uint64_t v3_;
    std::uint64_t length_ = 0;
    std::uint64_t pending_ = 0;
    unsigned pending_bits_ = 0;
};

}  // namespace pkgreg
