// Target: the path and query of a request line (RFC 3986), decoded.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

/// Replaces `%XX` by the byte; in a query `+` is a blank. Nothing when a `%` is not followed by two
/// hex digits.
std::optional<std::string> percent_decode(std::string_view text, bool in_query);

/// The text with everything but unreserved characters as `%XX`, for use as a query's value.
std::string percent_encode(std::string_view text);

/// A decoded request target.
class Target {
 public:
    /// Throws `malformed` for text that is not a path with an optional query, or holds a NUL.
    static Target parse(std::string_view text);

    const std::string& path() const noexcept { return path_; }
    /// The first parameter of that name, or nothing.
    std::optional<std::string_view> query(std::string_view name) const noexcept;
    /// Every parameter of that name, in order.
    std::vector<std::string_view> queries(std::string_view name) const;

 private:
    std::string path_;
    std::vector<std::pair<std::string, std::string>> parameters_;
};

}  // namespace pkgreg
