// A hexadecimal digit's value, whatever the locale is.
#pragma once

namespace pkgreg {

/// 0 to 15, for either case; -1 for what is no digit.
constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace pkgreg
