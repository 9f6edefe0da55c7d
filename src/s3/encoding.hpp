// Text forms that S3 uses: percent-encoding as its signatures define it, hexadecimal, base64.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

/// `text` with every byte but `A-Z a-z 0-9 - . _ ~` as `%XX` (Amazon S3 API Reference,
/// "UriEncode"). In a path slashes stay as they are.
std::string uri_encode(std::string_view text);
std::string uri_encode_path(std::string_view text);

/// The reverse, for what a listing with `encoding-type=url` holds: there `+` is a space, since
/// servers that mean a plus write `%2B`. What is no escape sequence stays as it is.
std::string uri_decode(std::string_view text);

std::string to_hex(std::span<const unsigned char> bytes);
std::string to_base64(std::span<const unsigned char> bytes);

}  // namespace pkgreg::s3
