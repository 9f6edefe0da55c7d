#include "cli/log_text.hpp"

#include <array>
#include <ctime>
#include <fmt/format.h>
#include <iterator>

namespace pkgreg::cli {

void append_timestamp(std::string& out, std::chrono::system_clock::time_point time) {
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch());
    const auto second = std::chrono::floor<seconds>(since);
    // Under load thousands of lines fall into one second.
    struct Cached {
        seconds second{-1};
        std::array<char, 24> text{};
    };
    thread_local Cached cached;
    if (cached.second != second) {
        const std::time_t value = second.count();
        std::tm parts{};
        gmtime_r(&value, &parts);
        std::strftime(cached.text.data(), cached.text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
        cached.second = second;
    }
    fmt::format_to(std::back_inserter(out), "{}.{:03}Z", cached.text.data(),
                   (since - second).count());
}

}  // namespace pkgreg::cli
