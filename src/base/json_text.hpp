// Writing JSON: strings escaped into a text that is being built.
#pragma once

#include <string>
#include <string_view>

namespace pkgreg {

/// Appends `value` as a JSON string with its quotes (RFC 8259, section 7). Bytes that are not UTF-8
/// become U+FFFD, so that the text is valid JSON whatever came in.
void append_json_string(std::string& out, std::string_view value);

/// `value` as a JSON string with its quotes.
inline std::string json_string(std::string_view value) {
    std::string out;
    append_json_string(out, value);
    return out;
}

}  // namespace pkgreg
