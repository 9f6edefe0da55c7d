#include "s3/encoding.hpp"

#include <openssl/evp.h>

namespace pkgreg::s3 {
namespace {

constexpr bool is_unreserved(char c) noexcept {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

constexpr int nibble(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string encode(std::string_view text, bool keep_slash) {
    std::string out;
    out.reserve(text.size() + 16);
    for (const char c : text) {
        if (is_unreserved(c) || (keep_slash && c == '/')) {
            out.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.push_back('%');
            out.push_back("0123456789ABCDEF"[byte >> 4]);
            out.push_back("0123456789ABCDEF"[byte & 15]);
        }
    }
    return out;
}

}  // namespace

std::string uri_encode(std::string_view text) {
    return encode(text, false);
}
std::string uri_encode_path(std::string_view text) {
    return encode(text, true);
}

std::string uri_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size() && nibble(text[i + 1]) >= 0 &&
                            nibble(text[i + 2]) >= 0;
        if (escape) {
            out.push_back(static_cast<char>(nibble(text[i + 1]) << 4 | nibble(text[i + 2])));
            i += 2;
        } else {
            out.push_back(text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

std::string to_hex(std::span<const unsigned char> bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const unsigned char byte : bytes) {
        out.push_back("0123456789abcdef"[byte >> 4]);
        out.push_back("0123456789abcdef"[byte & 15]);
    }
    return out;
}

std::string to_base64(std::span<const unsigned char> bytes) {
    // OpenSSL ends the text with a NUL.
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes.data(),
                    static_cast<int>(bytes.size()));
    out.pop_back();
    return out;
}

}  // namespace pkgreg::s3
