// BodyPipe: carries a request's body from the coroutine that receives it to a thread that reads it
// like a file, because libarchive asks for its input and cannot be suspended.
#pragma once

#include "base/suspend.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

namespace pkgreg {

/// One coroutine writes, one thread reads.
class BodyPipe {
 public:
    using Buffer = std::shared_ptr<std::byte[]>;

    // For the coroutine.

    /// Hands over the first `size` bytes of a buffer; waits while many are unread. False when
    /// nobody reads any more.
    awaitable<bool> write(Buffer buffer, std::size_t size) {
        bool full = false;
        {
            const std::lock_guard lock(mutex_);
            if (read_end_closed_) co_return false;
            blocks_.push_back({std::move(buffer), size});
            full = blocks_.size() >= most_unread;
        }
        readable_.notify_one();
        if (full) co_await wait_until(few_unread);
        const std::lock_guard lock(mutex_);
        co_return !read_end_closed_;
    }

    /// Nothing more comes: the reader gets what is here, then the end, or `error`.
    void close_write_end(std::exception_ptr error = nullptr) noexcept {
        {
            const std::lock_guard lock(mutex_);
            if (write_end_closed_) return;
            write_end_closed_ = true;
            error_ = std::move(error);
        }
        readable_.notify_one();
    }

    /// Waits until the reader has closed its end.
    awaitable<void> wait_for_reader() { return wait_until(0); }

    // For the thread.

    /// The next bytes, empty at the end. They are here until the next call: it gives their buffer
    /// back before it waits, since the writer may need just that one. Throws the writer's error.
    std::string_view read() {
        current_ = {};
        std::unique_lock lock(mutex_);
        readable_.wait(lock, [this] { return !blocks_.empty() || write_end_closed_; });
        if (blocks_.empty()) {
            if (error_) std::rethrow_exception(error_);
            return {};
        }
        current_ = std::move(blocks_.front());
        blocks_.pop_front();
        wake_writer(std::move(lock));
        return current_.bytes();
    }

    /// The buffer that `bytes` lie in, where they are part of what `read` gave last; else null.
    Buffer owner_of(std::string_view bytes) const noexcept {
        const std::string_view all = current_.bytes();
        const std::less_equal<const char*> before;
        const bool inside = before(all.data(), bytes.data()) &&
                            before(bytes.data() + bytes.size(), all.data() + all.size());
        return inside ? current_.buffer : nullptr;
    }

    void close_read_end() noexcept {
        current_ = {};
        std::unique_lock lock(mutex_);
        read_end_closed_ = true;
        blocks_.clear();
        wake_writer(std::move(lock));
    }

 private:
    struct Block {
        Buffer buffer;
        std::size_t size = 0;

        std::string_view bytes() const noexcept {
            return {reinterpret_cast<const char*>(buffer.get()), size};
        }
    };
    // The distance lets both sides work for a while before one has to wake the other.
    static constexpr std::size_t most_unread = 4;
    static constexpr std::size_t few_unread = 1;

    /// Waits until at most `limit` blocks are unread, or nobody reads any more; with 0, only for
    /// the latter.
    awaitable<void> wait_until(std::size_t limit) {
        auto start = [this, limit](Resume resume) {
            {
                const std::lock_guard lock(mutex_);
                limit_ = limit;
                if (!is_reached()) {
                    writer_ = std::move(resume);
                    return;
                }
            }
            resume();
        };
        co_await suspend(start);
    }
    bool is_reached() const noexcept {
        return read_end_closed_ || (limit_ > 0 && blocks_.size() <= limit_);
    }
    void wake_writer(std::unique_lock<std::mutex> lock) {
        Resume resume;
        if (writer_ && is_reached()) resume = std::exchange(writer_, nullptr);
        lock.unlock();
        if (resume) resume();
    }

    std::mutex mutex_;
    std::condition_variable readable_;
    std::deque<Block> blocks_;
    std::exception_ptr error_;
    Resume writer_;
    std::size_t limit_ = 0;
    bool write_end_closed_ = false;
    bool read_end_closed_ = false;
    Block current_;  // the thread's alone
};

}  // namespace pkgreg
