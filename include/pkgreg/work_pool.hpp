// WorkPool: the few threads that do what would stall an event loop (fsync, cold reads, hashing).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace pkgreg {

/// A small pool of threads for blocking work. Threads start with the first task, not before, and
/// block all signals. Every member may be called from any thread.
class WorkPool {
 public:
    /// @param threads how many threads at most; 0 means a default for the machine (8 or more, since
    ///                most tasks wait for a disk)
    explicit WorkPool(std::size_t threads = 0);
    /// Waits for tasks that run, runs those that wait, and ends the threads.
    ~WorkPool();
    WorkPool(const WorkPool&) = delete;
    WorkPool& operator=(const WorkPool&) = delete;

    /// Runs `task` on one of the threads. The task must not throw.
    void post(std::function<void()> task);

    std::size_t max_threads() const noexcept;  ///< as given, or the default

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pkgreg
