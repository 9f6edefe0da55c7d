// SerialMutex: calls on a handle with a position are done one after the other; one that comes from
// within another one, through a callback, is refused instead of waiting for itself.
#pragma once

#include "pkgreg/error.hpp"

#include <atomic>
#include <mutex>
#include <thread>

namespace pkgreg::capi {

/// For `std::lock_guard`.
class SerialMutex {
 public:
    /// Throws `would_deadlock` on the thread that holds it.
    void lock() {
        if (owner_.load(std::memory_order_relaxed) == std::this_thread::get_id()) {
            throw Error(ErrorCode::would_deadlock,
                        "a callback used the handle of the very call that runs it; use another "
                        "handle");
        }
        mutex_.lock();
        owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    void unlock() noexcept {
        owner_.store(std::thread::id(), std::memory_order_relaxed);
        mutex_.unlock();
    }

 private:
    std::mutex mutex_;
    std::atomic<std::thread::id> owner_{};
};

}  // namespace pkgreg::capi
