#include "remote/tries.hpp"

#include <algorithm>
#include <charconv>
#include <random>

namespace pkgreg {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{500};
constexpr milliseconds longest_pause{10'000};
constexpr milliseconds longest_asked_pause{60'000};

}  // namespace

milliseconds Tries::next_pause(std::optional<milliseconds> asked) {
    thread_local std::minstd_rand random{std::random_device()()};
    const milliseconds full = std::min(first_pause * (1 << std::min(used_, 10U)), longest_pause);
    const auto half = full.count() / 2;
    const milliseconds jittered(half + std::uniform_int_distribution<long long>(0, half)(random));
    ++used_;
    return asked ? std::max(*asked, jittered) : jittered;
}

bool is_temporary(long status) noexcept {
    return status == 408 || status == 425 || status == 429 ||
           (status >= 500 && status != 501 && status != 505);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<milliseconds> asked_pause(const HttpAnswer& answer) {
    const auto seconds = parse_number(answer.field("Retry-After").value_or(""));
    if (!seconds) return std::nullopt;
    return std::min(milliseconds(std::min<std::uint64_t>(*seconds, 3600) * 1000),
                    longest_asked_pause);
}

std::optional<std::uint64_t> range_begin(const HttpAnswer& answer) {
    std::string_view field = answer.field("Content-Range").value_or("");
    if (!field.starts_with("bytes ")) return std::nullopt;
    field.remove_prefix(6);
    return parse_number(field.substr(0, field.find('-')));
}

}  // namespace pkgreg
