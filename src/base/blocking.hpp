// Runs an awaitable to its end on the calling thread. For the command line and tests.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "pkgreg/awaitable.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace pkgreg {

template <class T>
T run_blocking(awaitable<T> operation) {
    boost::asio::io_context context(1);
    std::exception_ptr error;
    if constexpr (std::is_void_v<T>) {
        boost::asio::co_spawn(context, std::move(operation),
                              [&](std::exception_ptr e) { error = e; });
        context.run();
        if (error) std::rethrow_exception(error);
    } else {
        std::optional<T> result;
        boost::asio::co_spawn(context, std::move(operation), [&](std::exception_ptr e, T value) {
            error = e;
            if (!e) result.emplace(std::move(value));
        });
        context.run();
        if (error) std::rethrow_exception(error);
        return std::move(*result);
    }
}

}  // namespace pkgreg
