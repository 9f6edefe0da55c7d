// How a coroutine waits for something that another thread finishes: the three primitives that
// everything asynchronous here is made of. Each resumes the coroutine on its own executor.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/work_pool.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace pkgreg {

/// Resumes a suspended coroutine, from any thread, exactly once.
using Resume = std::function<void()>;

// These take their function by lvalue reference on purpose: gcc 12 destroys a closure twice that is
// a temporary inside a co_await expression. So it must have a name, and lives in the caller's
// frame.

/// Suspends the calling coroutine and gives `start` the means to resume it. `start` runs before the
/// coroutine counts as suspended; it may call the resume function at once.
template <class Start>
awaitable<void> suspend(Start& start) {
    co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        [&start](auto handler) mutable {
            auto executor = boost::asio::get_associated_executor(handler);
            auto guard = boost::asio::make_work_guard(executor);
            struct Suspended {
                decltype(handler) resume;
                decltype(guard) work;
            };
            auto suspended =
                std::make_shared<Suspended>(Suspended{std::move(handler), std::move(guard)});
            start([suspended = std::move(suspended)]() mutable {
                auto held = std::move(suspended);
                // Until post has returned: the coroutine may end its loop, and the loop's owner may
                // destroy it, while this thread is still inside post.
                const auto posting = held->work;
                boost::asio::post(posting.get_executor(), [held = std::move(held)]() mutable {
                    auto resume = std::move(held->resume);
                    held.reset();
                    std::move(resume)();
                });
            });
        },
        boost::asio::use_awaitable);
}

/// Lets whatever else waits for this coroutine's executor run first: for work in slices.
inline awaitable<void> let_others_run() {
    auto at_once = [](Resume resume) { resume(); };
    co_await suspend(at_once);
}

/// Runs `work` on the pool while the coroutine is suspended; returns what it returns, throws what
/// it throws.
template <class F>
awaitable<std::invoke_result_t<F&>> offload(WorkPool& pool, F& work) {
    using Result = std::invoke_result_t<F&>;
    std::exception_ptr error;
    if constexpr (std::is_void_v<Result>) {
        auto start = [&](Resume resume) {
            pool.post([&work, &error, resume = std::move(resume)]() mutable {
                try {
                    work();
                } catch (...) {
                    error = std::current_exception();
                }
                resume();
            });
        };
        co_await suspend(start);
        if (error) std::rethrow_exception(error);
    } else {
        std::optional<Result> result;
        auto start = [&](Resume resume) {
            pool.post([&work, &error, &result, resume = std::move(resume)]() mutable {
                try {
                    result.emplace(work());
                } catch (...) {
                    error = std::current_exception();
                }
                resume();
            });
        };
        co_await suspend(start);
        if (error) std::rethrow_exception(error);
        co_return std::move(*result);
    }
}

/// Tasks that run one after the other on a pool, in the order they were added, beside whoever adds
/// them. One coroutine adds and drains. After a task has thrown, the ones behind it are dropped and
/// the error is thrown by the next `drain` or `throw_if_failed`. Destroying the chain drops tasks
/// that wait; the one that runs goes on, so it must own what it uses, or `stop` be called first.
class WorkChain {
 public:
    explicit WorkChain(WorkPool& pool) : state_(std::make_shared<State>(pool)) {}
    ~WorkChain() {
        if (state_) {
            const std::lock_guard lock(state_->mutex);
            state_->tasks.clear();
        }
    }
    WorkChain(WorkChain&&) noexcept = default;
    WorkChain& operator=(WorkChain&&) = delete;

    /// Adds a task. What it captures lives until it has run or was dropped.
    void add(std::function<void()> task) { add(std::move(task), 1); }

    /// Adds a task, but lets the pool begin only when that many wait: waking a thread costs about
    /// as much as a small task. Whoever adds like this must call `start` before it waits itself.
    void add(std::function<void()> task, std::size_t enough) {
        const std::lock_guard lock(state_->mutex);
        if (state_->error) return;
        state_->tasks.push_back(std::move(task));
        if (state_->tasks.size() >= enough) start_locked();
    }

    /// Lets the pool begin with what waits.
    void start() {
        const std::lock_guard lock(state_->mutex);
        if (!state_->tasks.empty()) start_locked();
    }

    /// Drops tasks that wait, and blocks until the one that runs is over: for tasks that are short.
    void stop() noexcept {
        std::unique_lock lock(state_->mutex);
        state_->tasks.clear();
        state_->between_tasks.wait(lock, [this] { return !state_->inside_task; });
    }

    void throw_if_failed() {
        const std::lock_guard lock(state_->mutex);
        if (state_->error) std::rethrow_exception(state_->error);
    }

    /// When more than `high` tasks are unfinished, waits until only `low` are. The distance between
    /// the two lets both sides work for a while before one has to wake the other.
    awaitable<void> throttle(std::size_t high, std::size_t low) {
        bool over = false;
        {
            const std::lock_guard lock(state_->mutex);
            over = state_->unfinished() > high;
        }
        if (over) co_await drain(low);
    }

    /// Waits until at most `limit` tasks are unfinished.
    awaitable<void> drain(std::size_t limit = 0) {
        {
            const std::lock_guard lock(state_->mutex);
            if (state_->error && !state_->running) std::rethrow_exception(state_->error);
            if (state_->unfinished() <= limit) co_return;
            start_locked();
        }
        auto start = [state = state_, limit](Resume resume) {
            {
                const std::lock_guard lock(state->mutex);
                if (state->unfinished() > limit) {
                    state->limit = limit;
                    state->waiter = std::move(resume);
                    return;
                }
            }
            resume();
        };
        co_await suspend(start);
        throw_if_failed();
    }

 private:
    void start_locked() {
        if (state_->running) return;
        state_->running = true;
        state_->pool.post([state = state_] { State::run(*state); });
    }

    struct State {
        explicit State(WorkPool& p) : pool(p) {}

        std::size_t unfinished() const noexcept { return tasks.size() + (inside_task ? 1 : 0); }

        static void run(State& state) {
            std::unique_lock lock(state.mutex);
            while (true) {
                Resume resume;
                if (state.tasks.empty() || state.error) {
                    state.tasks.clear();
                    state.running = false;
                    resume = std::exchange(state.waiter, nullptr);
                    lock.unlock();
                    if (resume) resume();
                    return;
                }
                if (state.waiter && state.unfinished() <= state.limit) {
                    resume = std::exchange(state.waiter, nullptr);
                }
                auto task = std::move(state.tasks.front());
                state.tasks.pop_front();
                state.inside_task = true;
                lock.unlock();
                if (resume) resume();
                std::exception_ptr error;
                try {
                    task();
                } catch (...) {
                    error = std::current_exception();
                }
                task = nullptr;
                lock.lock();
                if (error) state.error = error;
                state.inside_task = false;
                state.between_tasks.notify_all();
            }
        }

        WorkPool& pool;
        std::mutex mutex;
        std::deque<std::function<void()>> tasks;
        std::exception_ptr error;
        Resume waiter;
        std::size_t limit = 0;
        bool running = false;  // on the pool, or about to be
        bool inside_task = false;
        std::condition_variable between_tasks;
    };
    std::shared_ptr<State> state_;
};

/// A lock that many may hold together or one alone, for coroutines on any threads; in the order of
/// arrival, so that nobody starves. `co_await` to lock; the guard unlocks.
class AsyncSharedMutex : public std::enable_shared_from_this<AsyncSharedMutex> {
 public:
    class Guard {
     public:
        Guard() noexcept = default;
        Guard(std::shared_ptr<AsyncSharedMutex> mutex, bool exclusive) noexcept
            : mutex_(std::move(mutex)), exclusive_(exclusive) {}
        Guard(Guard&& other) noexcept = default;
        Guard& operator=(Guard&& other) noexcept {
            unlock();
            mutex_ = std::move(other.mutex_);
            exclusive_ = other.exclusive_;
            return *this;
        }
        ~Guard() { unlock(); }
        void unlock() noexcept {
            if (mutex_) std::exchange(mutex_, nullptr)->release(exclusive_);
        }

     private:
        std::shared_ptr<AsyncSharedMutex> mutex_;
        bool exclusive_ = false;
    };

    awaitable<Guard> lock_shared() { return lock(false); }
    awaitable<Guard> lock_exclusive() { return lock(true); }

 private:
    struct Waiter {
        bool exclusive;
        Resume resume;
    };

    bool try_take(bool exclusive) noexcept {
        if (exclusive ? holders_ == 0 : holders_ >= 0) {
            holders_ = exclusive ? -1 : holders_ + 1;
            return true;
        }
        return false;
    }

    awaitable<Guard> lock(bool exclusive) {
        {
            const std::lock_guard lock(mutex_);
            if (waiters_.empty() && try_take(exclusive)) {
                co_return Guard(shared_from_this(), exclusive);
            }
        }
        auto start = [this, exclusive](Resume resume) {
            {
                const std::lock_guard lock(mutex_);
                if (!waiters_.empty() || !try_take(exclusive)) {
                    waiters_.push_back({exclusive, std::move(resume)});
                    return;
                }
            }
            resume();
        };
        co_await suspend(start);
        co_return Guard(shared_from_this(), exclusive);
    }

    void release(bool exclusive) noexcept {
        std::deque<Resume> ready;
        {
            const std::lock_guard lock(mutex_);
            holders_ = exclusive ? 0 : holders_ - 1;
            while (!waiters_.empty() && try_take(waiters_.front().exclusive)) {
                ready.push_back(std::move(waiters_.front().resume));
                waiters_.pop_front();
            }
        }
        for (Resume& resume : ready) resume();
    }

    std::mutex mutex_;
    int holders_ = 0;  // -1: one exclusive holder
    std::deque<Waiter> waiters_;
};

}  // namespace pkgreg
