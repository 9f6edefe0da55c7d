// The coroutine type of every asynchronous operation.
#pragma once

#include <boost/asio/awaitable.hpp>

namespace pkgreg {

/// What an operation that may suspend returns; `co_await` it in a coroutine that runs on any
/// `boost::asio` executor. What can be answered from memory completes without suspending. An
/// operation that suspends resumes on the executor of the coroutine that awaits it. Errors are
/// thrown as `pkgreg::Error`. Arguments passed by reference or view must live until it completes.
template <class T = void>
using awaitable = boost::asio::awaitable<T>;

}  // namespace pkgreg
