// Runs an awaitable to its end on the calling thread. For the command line and tests.
#pragma once

#include "pkgreg/awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace pkgreg {

template <class T>
T run_blocking(awaitable<T> operation) {
    boost::asio::io_context context(1);
    std::exception_ptr error;
    const auto done = [&](std::exception_ptr e) { error = e; };
    if constexpr (std::is_void_v<T>) {
        boost::asio::co_spawn(context, std::move(operation), done);
        context.run();
        if (error) std::rethrow_exception(error);
    } else {
        // Kept here and not handed to `done`: for that a value would be needed even after an error,
        // and not every type has a default.
        std::optional<T> result;
        const auto body = [&]() -> awaitable<void> {
            result.emplace(co_await std::move(operation));
        };
        boost::asio::co_spawn(context, body(), done);
        context.run();
        if (error) std::rethrow_exception(error);
        return std::move(*result);
    }
}

}  // namespace pkgreg
