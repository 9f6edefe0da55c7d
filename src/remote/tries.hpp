// Tries: how often, and after which pauses, something is asked of a server again.
#pragma once

#include "web/http_answer.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pkgreg {

/// Counts the tries of one exchange. Each pause is longer than the one before, by chance a little
/// more or less, or as long as the server asks.
class Tries {
 public:
    /// @param retries how many tries there are beside the first
    explicit Tries(unsigned retries) : retries_(retries) {}

    bool left() const noexcept { return used_ < retries_; }
    /// A try brought so much that it was worth it.
    void begin_anew() noexcept { used_ = 0; }
    /// Begins another try; how long to wait in front of it.
    std::chrono::milliseconds next_pause(std::optional<std::chrono::milliseconds> asked = {});

 private:
    unsigned retries_;
    unsigned used_ = 0;
};

/// Whether a status speaks of a passing disturbance.
bool is_temporary(long status) noexcept;

/// The pause that a server asks for, where it gives it in seconds; a minute at most.
std::optional<std::chrono::milliseconds> asked_pause(const HttpAnswer& answer);

/// Where the range of a 206 begins: `bytes 100-199/200`.
std::optional<std::uint64_t> range_begin(const HttpAnswer& answer);

/// A field's number, or nothing.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace pkgreg
