// ByteRange: one range of bytes as HTTP asks for it (RFC 9110, section 14.1.2), and the interval
// that it selects in content of a known length. Complete in this header.
#pragma once

#include "pkgreg/error.hpp"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// `length` bytes from `offset` on. An interval may be empty.
struct ByteInterval {
    std::uint64_t offset = 0;  ///< in bytes, from the beginning of the content
    std::uint64_t length = 0;  ///< in bytes

    /// The first byte behind the interval.
    std::uint64_t end() const noexcept { return offset + length; }
    friend bool operator==(const ByteInterval&, const ByteInterval&) noexcept = default;
};

/// A request for a part of some content, before the content's length is known.
///
/// Three forms: everything (the default), from `first` to `last` (both included, `last` may be
/// open), and the last `n` bytes. A `ByteRange` that exists is well formed; whether it can be
/// satisfied is known only with the length, see `resolve`.
class ByteRange {
 public:
    /// Everything.
    constexpr ByteRange() noexcept = default;

    /// `first` to the end.
    static constexpr ByteRange from(std::uint64_t first) noexcept {
        return ByteRange(Form::interval, first, open_end);
    }
    /// `first` to `last`, both included. Throws `range_invalid` when `last < first`.
    static ByteRange between(std::uint64_t first, std::uint64_t last) {
        if (last < first) throw Error(ErrorCode::range_invalid, "the range ends before it begins");
        return ByteRange(Form::interval, first, last);
    }
    /// The last `n` bytes (fewer where the content is shorter).
    static constexpr ByteRange suffix(std::uint64_t n) noexcept {
        return ByteRange(Form::suffix, n, 0);
    }

    /// Reads a `Range` header with one range in bytes: `bytes=0-99`, `bytes=100-`, `bytes=-500`.
    ///
    /// Nothing for any other unit, for several ranges, and for text that breaks the grammar: RFC
    /// 9110, section 14.2, lets a server ignore such a header and send everything.
    static std::optional<ByteRange> try_parse(std::string_view header) noexcept {
        header = trim(header);
        constexpr std::string_view unit = "bytes=";
        if (header.size() < unit.size()) return std::nullopt;
        for (std::size_t i = 0; i < unit.size(); ++i) {
            const char c = header[i];
            const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            if (lower != unit[i]) return std::nullopt;
        }
        const std::string_view spec = trim(header.substr(unit.size()));
        const std::size_t dash = spec.find('-');
        if (dash == std::string_view::npos) return std::nullopt;
        const std::string_view left = spec.substr(0, dash);
        const std::string_view right = spec.substr(dash + 1);
        if (left.empty()) {
            const auto n = number(right);
            if (!n) return std::nullopt;
            return suffix(*n);
        }
        const auto first = number(left);
        if (!first) return std::nullopt;
        if (right.empty()) return from(*first);
        const auto last = number(right);
        if (!last || *last < *first) return std::nullopt;
        return ByteRange(Form::interval, *first, *last);
    }

    bool is_everything() const noexcept { return form_ == Form::everything; }

    /// The interval that this range selects in content of `size` bytes, or nothing when it cannot
    /// be satisfied (HTTP 416): it begins at or behind the end, or it is a suffix of no bytes.
    std::optional<ByteInterval> resolve(std::uint64_t size) const noexcept {
        switch (form_) {
            case Form::everything: return ByteInterval{0, size};
            case Form::suffix: {
                if (a_ == 0 || size == 0) return std::nullopt;
                const std::uint64_t length = a_ < size ? a_ : size;
                return ByteInterval{size - length, length};
            }
            case Form::interval: {
                if (a_ >= size) return std::nullopt;
                const std::uint64_t last = b_ < size ? b_ : size - 1;
                return ByteInterval{a_, last - a_ + 1};
            }
        }
        return std::nullopt;
    }

    friend bool operator==(const ByteRange&, const ByteRange&) noexcept = default;

 private:
    enum class Form : std::uint8_t { everything, interval, suffix };
    static constexpr std::uint64_t open_end = std::numeric_limits<std::uint64_t>::max();

    constexpr ByteRange(Form form, std::uint64_t a, std::uint64_t b) noexcept
        : form_(form), a_(a), b_(b) {}

    static constexpr std::string_view trim(std::string_view text) noexcept {
        while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
            text.remove_prefix(1);
        while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
        return text;
    }
    /// Decimal digits only. What is over 64 bits counts as the largest number: still well formed.
    static std::optional<std::uint64_t> number(std::string_view text) noexcept {
        std::uint64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (end != text.data() + text.size() || text.empty()) return std::nullopt;
        if (error == std::errc::result_out_of_range) return open_end;
        if (error != std::errc()) return std::nullopt;
        return value;
    }

    Form form_ = Form::everything;
    std::uint64_t a_ = 0;
    std::uint64_t b_ = 0;
};

}  // namespace pkgreg
