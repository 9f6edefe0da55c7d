#include "cluster/patience.hpp"

#include "pkgreg/error.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <random>
#include <system_error>

namespace pkgreg::cluster {

using std::chrono::milliseconds;

double chance(double least, double most) {
    thread_local std::mt19937 generator{std::random_device()()};
    return std::uniform_real_distribution<double>(least, most)(generator);
}

milliseconds Pauses::next(milliseconds limit) {
    const milliseconds base = std::min(next_, limit);
    next_ = base * 2;
    return std::chrono::duration_cast<milliseconds>(base * chance(0.8, 1.2));
}

bool sleep_for(milliseconds pause, int stop_fd) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + pause;
    while (true) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        pollfd waiting{stop_fd, POLLIN, 0};
        const auto limit = static_cast<int>(std::max<milliseconds::rep>(left.count(), 0));
        const int ready = ::poll(&waiting, 1, limit);
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
    }
}

bool ask_until_answered(const std::function<void()>& ask, std::string_view awaited, int stop_fd,
                        const LogCallback& log) {
    Pauses pauses;
    while (true) {
        std::string why;
        try {
            ask();
            return true;
        } catch (const Error& error) {
            if (error.code() == ErrorCode::cancelled) return false;
            if (error.code() != ErrorCode::unavailable) throw;
            why = error.message();
        }
        const milliseconds pause = pauses.next(std::chrono::seconds(30));
        if (log) {
            log(LogLevel::warning, "waiting for " + std::string(awaited) + ": " + why +
                                       "; the next try is in " + text_of(pause));
        }
        if (sleep_for(pause, stop_fd)) return false;
    }
}

std::string text_of(std::chrono::system_clock::duration time) {
    const auto all =
        std::max<milliseconds::rep>(std::chrono::duration_cast<milliseconds>(time).count(), 0);
    if (all < 10'000) {
        return std::to_string(all / 1000) + "." + std::to_string(all % 1000 / 100) + " s";
    }
    const auto two = [](auto a, const char* unit_a, auto b, const char* unit_b) {
        return std::to_string(a) + unit_a + std::to_string(b) + unit_b;
    };
    const auto s = all / 1000;
    if (s < 60) return std::to_string(s) + " s";
    if (s < 3600) return two(s / 60, " min ", s % 60, " s");
    if (s < 86400) return two(s / 3600, " h ", s % 3600 / 60, " min");
    return two(s / 86400, " d ", s % 86400 / 3600, " h");
}

}  // namespace pkgreg::cluster
