// Base64 (RFC 4648, section 4), as package templates are written: with padding, on one line.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pkgreg {

inline constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline constexpr std::array<bool, 256> is_base64_digit = [] {
    std::array<bool, 256> table{};
    for (const char c : base64_alphabet) table[static_cast<std::uint8_t>(c)] = true;
    return table;
}();

inline std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = group << 8 | (j < n ? static_cast<std::uint8_t>(bytes[i + j]) : 0);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            text.push_back(j <= n ? base64_alphabet[group >> (18 - 6 * j) & 63] : '=');
        }
    }
    return text;
}

/// Whether `text` has the form of base64. The bits that the last digit does not need are not looked
/// at, as in the packages' schema.
inline bool is_base64(std::string_view text) noexcept {
    if (text.empty() || text.size() % 4 != 0) return false;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    for (const char c : text.substr(0, text.size() - padding)) {
        if (!is_base64_digit[static_cast<std::uint8_t>(c)]) return false;
    }
    return true;
}

}  // namespace pkgreg
