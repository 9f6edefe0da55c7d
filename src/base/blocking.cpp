#include "pkgreg/blocking.hpp"

#include "pkgreg/error.hpp"

#include "base/threads.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace pkgreg::detail {
namespace {

/// Contexts of this thread that no call uses: as many as calls were inside each other.
thread_local std::vector<std::unique_ptr<boost::asio::io_context>> idle_contexts;

/// A context for one call: neither a thread nor a descriptor has to be made for it.
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

BlockingContext::BlockingContext() {
    if (idle_contexts.empty()) {
        context_ = std::make_unique<boost::asio::io_context>(1);
    } else {
        context_ = std::move(idle_contexts.back());
        idle_contexts.pop_back();
        context_->restart();
    }
}

BlockingContext::~BlockingContext() {
    if (!context_->stopped()) return;  // left by an exception: what waits in it must go with it
    try {
        idle_contexts.push_back(std::move(context_));
    } catch (...) {
        // No memory to keep it: the next call makes another one.
    }
}

}  // namespace

void drive(awaitable<void> operation) {
    const BlockingContext context;
    std::exception_ptr error;
    const auto done = [&](std::exception_ptr e) { error = e; };
    boost::asio::co_spawn(context.get(), std::move(operation), done);
    context.get().run();
    if (error) std::rethrow_exception(error);
}

void require_may_wait() {
    if (may_wait()) return;
    throw Error(ErrorCode::would_deadlock,
                "a blocking call on a thread of the library, or inside a log callback, could wait "
                "for itself; make the call on a thread of your own");
}

}  // namespace pkgreg::detail
