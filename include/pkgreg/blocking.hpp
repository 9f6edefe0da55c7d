// Blocking calls: the facade for those who have no event loop. Any operation of the library can be
// waited for on the calling thread.
#pragma once

#include "pkgreg/awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace pkgreg {

namespace detail {

/// The calling thread's context for one blocking call; calls inside each other get one each. They
/// are kept for the thread's next call, so a call makes neither a thread nor a descriptor.
class BlockingContext {
 public:
    BlockingContext();
    ~BlockingContext();
    BlockingContext(const BlockingContext&) = delete;
    BlockingContext& operator=(const BlockingContext&) = delete;

    boost::asio::io_context& get() const noexcept { return *context_; }

 private:
    std::unique_ptr<boost::asio::io_context> context_;
};

/// Throws `would_deadlock` on a thread that may not wait.
void require_may_wait();

template <class T>
T drive(awaitable<T> operation) {
    const BlockingContext context;
    std::exception_ptr error;
    const auto done = [&](std::exception_ptr e) { error = e; };
    if constexpr (std::is_void_v<T>) {
        boost::asio::co_spawn(context.get(), std::move(operation), done);
        context.get().run();
        if (error) std::rethrow_exception(error);
    } else {
        // Kept here and not handed to `done`: for that a value would be needed even after an error,
        // and not every type has a default.
        std::optional<T> result;
        const auto body = [&]() -> awaitable<void> {
            result.emplace(co_await std::move(operation));
        };
        boost::asio::co_spawn(context.get(), body(), done);
        context.get().run();
        if (error) std::rethrow_exception(error);
        return std::move(*result);
    }
}

}  // namespace detail

/// Runs an operation to its end on the calling thread; returns what it returns, throws what it
/// throws. What is in memory completes without another thread; the calling thread sleeps only while
/// the operation waits for a disk, a network or another call.
///
///     std::shared_ptr<Registry> registry = run_blocking(Registry::open(make_memory_store()));
///
/// May be called from any thread, any number at once, also inside an operation's `BodySource` that
/// runs on a blocking caller's thread. On a thread of the library (a server's, a pool's), and
/// inside a `LogCallback`, the call throws `would_deadlock` and nothing is done: there the operation
/// could wait for the very thread that it blocks.
template <class T>
T run_blocking(awaitable<T> operation) {
    detail::require_may_wait();
    return detail::drive(std::move(operation));
}

}  // namespace pkgreg
