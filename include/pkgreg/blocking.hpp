// Blocking calls: the facade for those who have no event loop. Any operation of the library can be
// waited for on the calling thread.
#pragma once

#include "pkgreg/awaitable.hpp"

#include <optional>
#include <utility>

namespace pkgreg {

namespace detail {

/// Throws `would_deadlock` on a thread that may not wait.
void require_may_wait();

/// Runs an operation on the calling thread's own context, which is kept for its next call; calls
/// inside each other have one each. Throws what the operation throws.
void drive(awaitable<void> operation);

template <class T>
T drive(awaitable<T> operation) {
    std::optional<T> result;  // not every type has a default
    const auto body = [&]() -> awaitable<void> {
        result.emplace(co_await std::move(operation));
    };
    drive(body());
    return std::move(*result);
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
