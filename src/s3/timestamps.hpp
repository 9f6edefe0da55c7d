// Points in time as S3 writes them, in UTC: in signatures, in XML, and in HTTP headers. Independent
// of the process's locale and time zone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

/// `20130524T000000Z`; its first eight characters are the date of a signature's scope.
std::string to_basic_iso8601(std::chrono::sys_seconds time);

/// `2011-02-26T01:56:20.000Z`, with any number of decimals or none, as nanoseconds since the epoch.
std::optional<std::int64_t> parse_iso8601(std::string_view text);

/// `Wed, 12 Oct 2009 17:50:00 GMT` (RFC 9110, section 5.6.7; the form that must be sent).
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

}  // namespace pkgreg::s3
