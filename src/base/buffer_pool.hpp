// BufferPool: the transfer buffers of all uploads, bounded, reused last-in first-out so that the
// one handed out is the one whose memory is warm.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "base/suspend.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace pkgreg {

class BufferPool : public std::enable_shared_from_this<BufferPool> {
 public:
    BufferPool(std::size_t buffer_size, std::size_t max_buffers)
        : buffer_size_(buffer_size), max_buffers_(max_buffers) {}

    std::size_t buffer_size() const noexcept { return buffer_size_; }

    /// A buffer where one is free, else null.
    std::shared_ptr<std::byte[]> try_acquire() {
        auto buffer = take();
        return buffer ? wrap(std::move(buffer)) : nullptr;
    }

    /// A buffer of `buffer_size` bytes; waits, first come first served, while all are in use. It
    /// goes back when the last copy of the pointer is gone.
    awaitable<std::shared_ptr<std::byte[]>> acquire() {
        auto buffer = take();
        if (!buffer) {
            auto start = [this, &buffer](Resume resume) {
                const std::lock_guard lock(mutex_);
                if (auto now = take_locked()) {
                    buffer = std::move(now);
                    resume();
                } else {
                    waiters_.push_back({&buffer, std::move(resume)});
                }
            };
            co_await suspend(start);
        }
        co_return wrap(std::move(buffer));
    }

    /// Frees buffers that nobody used since the last call; for a timer.
    void trim() {
        std::vector<Memory> dropped;
        const std::lock_guard lock(mutex_);
        for (; unused_since_trim_ > 0 && !free_.empty(); --unused_since_trim_) {
            dropped.push_back(std::move(free_.front()));
            free_.pop_front();
            --allocated_;
        }
        unused_since_trim_ = free_.size();
    }

 private:
    using Memory = std::unique_ptr<std::byte[]>;
    struct Waiter {
        Memory* into;
        Resume resume;
    };

    Memory take() {
        const std::lock_guard lock(mutex_);
        return waiters_.empty() ? take_locked() : nullptr;
    }

    Memory take_locked() {
        if (!free_.empty()) {
            Memory buffer = std::move(free_.back());
            free_.pop_back();
            unused_since_trim_ = std::min(unused_since_trim_, free_.size());
            return buffer;
        }
        if (allocated_ == max_buffers_) return nullptr;
        Memory buffer(new std::byte[buffer_size_]);
        ++allocated_;
        return buffer;
    }

    std::shared_ptr<std::byte[]> wrap(Memory buffer) {
        return std::shared_ptr<std::byte[]>(
            buffer.release(), [pool = shared_from_this()](std::byte* p) { pool->give(Memory(p)); });
    }

    void give(Memory buffer) {
        Resume resume;
        {
            const std::lock_guard lock(mutex_);
            if (waiters_.empty()) {
                free_.push_back(std::move(buffer));
                return;
            }
            *waiters_.front().into = std::move(buffer);
            resume = std::move(waiters_.front().resume);
            waiters_.pop_front();
        }
        resume();
    }

    const std::size_t buffer_size_;
    const std::size_t max_buffers_;
    std::mutex mutex_;
    std::deque<Memory> free_;  // back: most recently used
    std::size_t allocated_ = 0;
    std::size_t unused_since_trim_ = 0;
    std::deque<Waiter> waiters_;
};

}  // namespace pkgreg
