// BackgroundThread: runs jobs that take seconds, so that they keep no thread of the pool from what
// somebody waits for.
#pragma once

#include "base/threads.hpp"

#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace pkgreg {

/// Any thread. The thread is started for a job and ends with it.
class BackgroundThread {
 public:
    BackgroundThread() = default;
    BackgroundThread(const BackgroundThread&) = delete;
    BackgroundThread& operator=(const BackgroundThread&) = delete;
    /// Waits for the job that runs.
    ~BackgroundThread() {
        if (thread_.joinable()) thread_.join();
    }

    /// Runs a job. The one before it must be about to end: this waits for that.
    void run(std::function<void()> job) {
        const std::lock_guard lock(mutex_);
        if (thread_.joinable()) thread_.join();
        thread_ = start_thread(std::move(job));
    }

 private:
    std::mutex mutex_;
    std::thread thread_;
};

}  // namespace pkgreg
