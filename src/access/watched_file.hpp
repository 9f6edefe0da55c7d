// WatchedFile: what was read from a file, read again when the file changes.
#pragma once

#include "pkgreg/error.hpp"
#include "pkgreg/log.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <time.h>
#include <utility>

namespace pkgreg::access {

/// Any thread may call `current`. The file is looked at once a second at most, by the thread that
/// happens to ask; what cannot be used is told in the log once, and the old value stays.
template <class T>
class WatchedFile {
 public:
    using Value = std::shared_ptr<const T>;
    /// Reads the file. Throws `Error`.
    using Load = std::function<Value(const std::filesystem::path&)>;

    /// Reads the file for the first time, and throws what `load` throws.
    WatchedFile(std::filesystem::path file, Load load, LogCallback log)
        : file_(std::move(file)),
          load_(std::move(load)),
          log_(std::move(log)),
          seen_(state()),
          value_(load_(file_)),
          next_look_(seconds_now() + 1) {}

    Value current() {
        const std::int64_t now = seconds_now();
        if (now >= next_look_.load(std::memory_order_relaxed)) look(now);
        const std::lock_guard lock(value_mutex_);
        return value_;
    }

 private:
    /// Enough to see that a file was written again.
    struct State {
        std::int64_t modified = 0;
        std::uint64_t inode = 0;
        std::uint64_t size = 0;
        friend bool operator==(const State&, const State&) = default;
    };

    static std::int64_t seconds_now() noexcept {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        return now.tv_sec;
    }

    State state() const noexcept {
        struct stat info {};
        if (::stat(file_.c_str(), &info) != 0) return {};
        return {std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec,
                info.st_ino, static_cast<std::uint64_t>(info.st_size)};
    }

    void look(std::int64_t now) {
        const std::unique_lock lock(looking_, std::try_to_lock);
        if (!lock) return;  // another thread looks
        next_look_.store(now + 1, std::memory_order_relaxed);
        const State state_now = state();
        if (state_now == seen_) return;
        seen_ = state_now;
        try {
            Value fresh = load_(file_);
            {
                const std::lock_guard swap(value_mutex_);
                value_.swap(fresh);
            }
            tell(LogLevel::info, "read again: " + file_.string());
        } catch (const std::exception& error) {
            tell(LogLevel::warning,
                 std::string(error.what()) + "; what was read before stays in force");
        }
    }

    void tell(LogLevel level, const std::string& line) const {
        if (log_) log_(level, line);
    }

    const std::filesystem::path file_;
    const Load load_;
    const LogCallback log_;
    std::mutex looking_;
    State seen_;  // guarded by `looking_`
    std::mutex value_mutex_;
    Value value_;  // guarded by `value_mutex_`
    std::atomic<std::int64_t> next_look_;
};

}  // namespace pkgreg::access
