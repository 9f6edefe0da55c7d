// ThreadDriver: lets a thread that may block use what is made of coroutines, and have some of it go
// on beside its own work.
#pragma once

#include "pkgreg/awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace pkgreg {

/// One thread uses it. What was begun advances whenever the driver is used, and is over when the
/// driver is destroyed.
class ThreadDriver {
 public:
    ThreadDriver() = default;
    ThreadDriver(const ThreadDriver&) = delete;
    ThreadDriver& operator=(const ThreadDriver&) = delete;
    /// Waits for what was begun, and for other threads that are about to leave the context.
    ~ThreadDriver() {
        context_.restart();
        context_.run();
    }

    /// Runs an operation to its end; returns what it returns, throws what it throws.
    template <class T>
    T run(awaitable<T> operation) {
        std::exception_ptr error;
        bool done = false;
        const auto finish = [&](std::exception_ptr e) {
            error = e;
            done = true;
        };
        if constexpr (std::is_void_v<T>) {
            boost::asio::co_spawn(context_, std::move(operation), finish);
            while (!done) run_one();
            if (error) std::rethrow_exception(error);
        } else {
            std::optional<T> result;
            const auto body = [&]() -> awaitable<void> {
                result.emplace(co_await std::move(operation));
            };
            boost::asio::co_spawn(context_, body(), finish);
            while (!done) run_one();
            if (error) std::rethrow_exception(error);
            return std::move(*result);
        }
    }

    /// Begins an operation. What it throws is thrown by the next call of this or `finish`.
    void begin(awaitable<void> operation) {
        throw_if_failed();
        ++running_;
        boost::asio::co_spawn(context_, std::move(operation), [this](std::exception_ptr error) {
            --running_;
            if (error) failure_ = error;
        });
        run_until(most_running - 1);
    }

    /// Waits for everything that was begun.
    void finish() {
        run_until(0);
        throw_if_failed();
    }

 private:
    static constexpr std::size_t most_running = 4;

    void run_one() {
        context_.restart();
        context_.run_one();
    }
    void run_until(std::size_t running) {
        while (running_ > running) run_one();
    }
    void throw_if_failed() {
        if (failure_) std::rethrow_exception(failure_);
    }

    boost::asio::io_context context_{1};
    std::size_t running_ = 0;
    std::exception_ptr failure_;
};

}  // namespace pkgreg
