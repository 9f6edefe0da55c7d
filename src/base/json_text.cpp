#include "base/json_text.hpp"

#include <cstddef>
#include <cstdint>

namespace pkgreg {
namespace {

/// Length of the UTF-8 sequence at the front of `text`, or 0 when there is none (RFC 3629).
std::size_t utf8_sequence(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    std::uint32_t least = 0;
    std::uint32_t code = 0;
    if ((lead & 0xe0) == 0xc0) {
        length = 2, least = 0x80, code = lead & 0x1f;
    } else if ((lead & 0xf0) == 0xe0) {
        length = 3, least = 0x800, code = lead & 0x0f;
    } else if ((lead & 0xf8) == 0xf0) {
        length = 4, least = 0x10000, code = lead & 0x07;
    } else {
        return 0;
    }
    if (text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        code = code << 6 | (byte(i) & 0x3f);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least || code > 0x10ffff || surrogate ? 0 : length;
}

}  // namespace

void append_json_string(std::string& out, std::string_view value) {
    constexpr char hex[] = "0123456789abcdef";
    out.push_back('"');
    while (!value.empty()) {
        const char c = value.front();
        const std::size_t length = utf8_sequence(value);
        if (length == 0) {
            out.append("\xef\xbf\xbd");
            value.remove_prefix(1);
            continue;
        }
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(c);
        } else if (c == '\n') {
            out.append("\\n");
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out.append("\\u00");
            out.push_back(hex[static_cast<unsigned char>(c) >> 4]);
            out.push_back(hex[c & 15]);
        } else {
            out.append(value.substr(0, length));
        }
        value.remove_prefix(length);
    }
    out.push_back('"');
}

}  // namespace pkgreg
