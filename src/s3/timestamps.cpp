#include "s3/timestamps.hpp"

#include <array>
#include <cstdio>

namespace pkgreg::s3 {
namespace {

/// The number that the `digits` characters at `at` are, or nothing.
std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) noexcept {
    if (text.size() < at + digits) return std::nullopt;
    int value = 0;
    for (const char c : text.substr(at, digits)) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + (c - '0');
    }
    return value;
}

std::optional<std::chrono::sys_seconds> make_time(std::optional<int> year, std::optional<int> month,
                                                  std::optional<int> day, std::string_view clock) {
    const auto hours = number(clock, 0, 2);
    const auto minutes = number(clock, 3, 2);
    const auto seconds = number(clock, 6, 2);
    if (!year || !month || !day || !hours || !minutes || !seconds) return std::nullopt;
    if (clock[2] != ':' || clock[5] != ':') return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok() || *hours > 23 || *minutes > 59 || *seconds > 60) return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(*hours) +
           std::chrono::minutes(*minutes) + std::chrono::seconds(*seconds);
}

std::optional<int> month_of(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 12> names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<int>(i) + 1;
    }
    return std::nullopt;
}

}  // namespace

std::string to_basic_iso8601(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    char text[32];
    std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()));
    return text;
}

std::optional<std::int64_t> parse_iso8601(std::string_view text) {
    if (text.size() < 20 || text.size() > 40 || text[4] != '-' || text[7] != '-' ||
        text[10] != 'T' || text.back() != 'Z') {
        return std::nullopt;
    }
    const auto time =
        make_time(number(text, 0, 4), number(text, 5, 2), number(text, 8, 2), text.substr(11));
    // What nanoseconds in 64 bits can hold ends in the year 2262.
    if (!time || *time >= std::chrono::sys_days(std::chrono::year(2262) / 1 / 1) ||
        *time < std::chrono::sys_days(std::chrono::year(1678) / 1 / 1)) {
        return std::nullopt;
    }
    std::int64_t nanoseconds = time->time_since_epoch().count() * 1'000'000'000;
    std::string_view rest = text.substr(19, text.size() - 20);
    if (rest.empty()) return nanoseconds;
    if (rest[0] != '.') return std::nullopt;
    rest.remove_prefix(1);
    std::int64_t unit = 100'000'000;
    for (const char c : rest) {
        if (c < '0' || c > '9') return std::nullopt;
        nanoseconds += unit * (c - '0');
        unit /= 10;
    }
    return nanoseconds;
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
    const std::size_t comma = text.find(", ");
    if (comma == std::string_view::npos) return std::nullopt;
    text.remove_prefix(comma + 2);
    if (text.size() != 24 || text.substr(20) != " GMT") return std::nullopt;
    return make_time(number(text, 7, 4), month_of(text.substr(3, 3)), number(text, 0, 2),
                     text.substr(12, 8));
}

}  // namespace pkgreg::s3
