// CopyWatch: tells the caller of a copy how far it is, and stops it when the caller wants that.
#pragma once

#include "pkgreg/remote.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace pkgreg {

/// One thread uses it at a time. Each member throws `cancelled` once the caller said to stop.
class CopyWatch {
 public:
    /// @param operation "pull" or "push"; lives for ever
    CopyWatch(const RemoteOptions& options, std::string_view operation);

    void begin(std::string subject, std::uint64_t total);
    /// How much of the subject has moved in all.
    void set(std::uint64_t done);
    void end();
    /// Nothing moves.
    void wait();
    /// Waits that long.
    void sleep(std::chrono::milliseconds time);

 private:
    void tell();
    void tell_in_time();

    const RemoteOptions& options_;
    std::string_view operation_;
    std::string subject_;
    std::uint64_t done_ = 0;
    std::uint64_t total_ = 0;
    std::chrono::steady_clock::time_point told_ = {};
};

}  // namespace pkgreg
