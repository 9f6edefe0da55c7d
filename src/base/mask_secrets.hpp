// Takes secrets out of URLs before they are shown: in logs, in messages, in printed options.
#pragma once

#include <string>
#include <string_view>

namespace pkgreg {

/// Appends `url` (or the target of a request) with `***` in place of the user information before
/// the host, and in place of the value of every parameter whose name speaks of a secret: tokens,
/// signatures, passwords, keys, and the parameters of signed S3 URLs (`X-Amz-…`). Text without such
/// parts comes out as it is.
void append_masked_url(std::string& out, std::string_view url);

inline std::string masked_url(std::string_view url) {
    std::string out;
    append_masked_url(out, url);
    return out;
}

}  // namespace pkgreg
