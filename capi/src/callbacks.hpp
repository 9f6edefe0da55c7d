// Callbacks: functions that a C caller sets, called from any thread, and taken away again only when
// they run no more.
#pragma once

#include "pkgreg/log.hpp"

#include "base/threads.hpp"
#include "pkgreg.h"

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace pkgreg::capi {

/// A function with its user data, or none. Any thread.
template <class Function>
class CallbackTarget {
 public:
    /// Returns when the function that was there before runs no more.
    void set(Function function, void* user);

    /// Calls `call(function, user)` where a function is set. While it runs, the thread must not
    /// wait for the library.
    template <class Call>
    void run(Call&& call);

    bool is_set() const {
        const std::lock_guard lock(mutex_);
        return current_ != nullptr;
    }

 private:
    struct Target {
        Function function;
        void* user;
        unsigned running = 0;  // guarded by the mutex
    };

    void end(Target& target) noexcept {
        const std::lock_guard lock(mutex_);
        if (--target.running == 0) idle_.notify_all();
    }

    mutable std::mutex mutex_;
    std::condition_variable idle_;
    std::shared_ptr<Target> current_;
};

template <class Function>
template <class Call>
void CallbackTarget<Function>::run(Call&& call) {
    std::shared_ptr<Target> target;
    {
        const std::lock_guard lock(mutex_);
        target = current_;
        if (!target) return;
        ++target->running;
    }
    {
        const NoWaiting inside;
        call(target->function, target->user);
    }
    end(*target);
}

using LogTarget = CallbackTarget<pkgreg_log_fn>;
using ProgressTarget = CallbackTarget<pkgreg_progress_fn>;

/// The way from the library's log to the function that is set at the time.
LogCallback log_to(std::shared_ptr<LogTarget> target);

/// Tells of one long call's progress, now and then.
class Progress {
 public:
    /// @param operation such as "add package"; lives for ever
    /// @param total     bytes in all; UINT64_MAX: not known
    Progress(ProgressTarget& target, const char* operation, std::string subject,
             std::uint64_t total) noexcept
        : target_(target), operation_(operation), subject_(std::move(subject)), total_(total) {}

    /// `bytes` more are done. Throws `cancelled` when the caller wants no more.
    void advance(std::uint64_t bytes);
    /// All of it is done.
    void finish();

 private:
    static constexpr std::uint64_t interval = std::uint64_t{1} << 20;

    void tell();

    ProgressTarget& target_;
    const char* const operation_;
    const std::string subject_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
    std::uint64_t told_ = 0;
};

}  // namespace pkgreg::capi
