#include "base/random_id.hpp"

#include "pkgreg/error.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <sys/random.h>

namespace pkgreg {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> random_bytes() {
    std::array<std::uint8_t, N> bytes;
    // Up to 256 bytes come whole; a signal can only interrupt the wait for the generator's seed.
    while (getrandom(bytes.data(), N, 0) != static_cast<ssize_t>(N)) {
        if (errno != EINTR) {
            throw Error(ErrorCode::io, std::string("getrandom: ") + std::strerror(errno));
        }
    }
    return bytes;
}

}  // namespace

std::string random_id() {
    const auto bytes = random_bytes<16>();
    std::string id(16, '\0');
    for (std::size_t i = 0; i < id.size(); ++i) {
        id[i] = "abcdefghijklmnopqrstuvwxyz234567"[bytes[i] & 31];
    }
    return id;
}

std::string random_uuid() {
    auto bytes = random_bytes<16>();
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
    std::string id;
    id.reserve(36);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) id.push_back('-');
        id.push_back("0123456789abcdef"[bytes[i] >> 4]);
        id.push_back("0123456789abcdef"[bytes[i] & 15]);
    }
    return id;
}

}  // namespace pkgreg
