// Many operations that mostly wait, side by side: what a bucket is asked for many things at once.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "base/suspend.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace pkgreg {

namespace detail {

class SideBySide {
 public:
    SideBySide(std::size_t count, std::size_t runners) : count_(count), runners_(runners) {}

    /// One of the runners: takes what is next until nothing is left, or something failed.
    template <class F>
    static awaitable<void> run(std::shared_ptr<SideBySide> self, F& work) {
        while (true) {
            const std::size_t number = self->take();
            if (number == self->count_) break;
            std::exception_ptr error;
            try {
                co_await work(number);
            } catch (...) {
                error = std::current_exception();
            }
            if (error) self->fail(std::move(error));
        }
        self->end();
    }

    awaitable<void> wait() {
        auto start = [this](Resume resume) {
            {
                const std::lock_guard lock(mutex_);
                if (runners_ > 0) {
                    waiter_ = std::move(resume);
                    return;
                }
            }
            resume();
        };
        co_await suspend(start);
        if (error_) std::rethrow_exception(error_);
    }

 private:
    std::size_t take() {
        const std::lock_guard lock(mutex_);
        return error_ || next_ == count_ ? count_ : next_++;
    }
    void fail(std::exception_ptr error) {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::move(error);
    }
    void end() {
        Resume waiter;
        {
            const std::lock_guard lock(mutex_);
            if (--runners_ == 0) waiter = std::exchange(waiter_, nullptr);
        }
        if (waiter) waiter();
    }

    const std::size_t count_;
    std::mutex mutex_;
    std::size_t runners_;
    std::size_t next_ = 0;
    std::exception_ptr error_;
    Resume waiter_;
};

}  // namespace detail

/// Awaits `work(0)` to `work(count - 1)`, at most `at_once` of them at a time, on the executor of
/// the caller; completes when none runs any more. Throws the first error; what had not begun by
/// then is left out.
template <class F>
awaitable<void> side_by_side(std::size_t count, std::size_t at_once, F& work) {
    const std::size_t runners = std::min(count, at_once);
    if (runners == 0) co_return;
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto shared = std::make_shared<detail::SideBySide>(count, runners);
    for (std::size_t i = 0; i < runners; ++i) {
        boost::asio::co_spawn(executor, detail::SideBySide::run(shared, work),
                              boost::asio::detached);
    }
    co_await shared->wait();
}

}  // namespace pkgreg
