#include "base/timestamp.hpp"

#include <array>
#include <cstddef>
#include <ctime>

namespace pkgreg {

void append_timestamp(std::string& out, std::chrono::system_clock::time_point time) {
    using std::chrono::milliseconds;
    using std::chrono::seconds;
    const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch());
    const auto second = std::chrono::floor<seconds>(since);
    // Under load thousands of lines fall into one second.
    struct Cached {
        seconds second{-1};
        std::size_t length = 0;
        std::array<char, 40> text{};
    };
    thread_local Cached cached;
    if (cached.second != second) {
        const std::time_t value = second.count();
        std::tm parts{};
        ::gmtime_r(&value, &parts);
        cached.length =
            std::strftime(cached.text.data(), cached.text.size(), "%Y-%m-%dT%H:%M:%S.", &parts);
        cached.second = second;
    }
    const auto ms = static_cast<int>((since - second).count());
    const auto digit = [](int value) { return static_cast<char>('0' + value % 10); };
    out.append(cached.text.data(), cached.length);
    for (const char c : {digit(ms / 100), digit(ms / 10), digit(ms), 'Z'}) out.push_back(c);
}

}  // namespace pkgreg
