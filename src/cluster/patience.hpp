// Patience: asking again what did not answer, with pauses that grow, until it does.
#pragma once

#include "pkgreg/log.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace pkgreg::cluster {

/// Pauses that begin with a second and double, a fifth more or less: instances that were started
/// together do not all ask at once.
class Pauses {
 public:
    /// @param limit the longest, but for that fifth
    std::chrono::milliseconds next(std::chrono::milliseconds limit);

 private:
    std::chrono::milliseconds next_{1000};
};

/// A random number from `least` to `most`.
double chance(double least, double most);

/// Sleeps; true where `stop_fd` became readable meanwhile.
bool sleep_for(std::chrono::milliseconds pause, int stop_fd);

/// Calls `ask` until it throws no more `unavailable`, with pauses of up to half a minute, each told
/// in the log. False where `stop_fd` ended it: it became readable, or `ask` threw `cancelled`.
/// Throws what else `ask` throws.
///
/// @param awaited what is waited for, for the log
bool ask_until_answered(const std::function<void()>& ask, std::string_view awaited, int stop_fd,
                        const LogCallback& log);

/// The two largest units: `29 d 3 h`, `4 min 10 s`, `1.2 s`.
std::string text_of(std::chrono::system_clock::duration time);

}  // namespace pkgreg::cluster
