// Work that SIGINT and SIGTERM end in order: what is unfinished is removed before the program goes.
#pragma once

#include <chrono>
#include <exception>
#include <functional>

namespace pkgreg::cli {

/// Thrown where work notices that it was asked to end.
class Interrupted : public std::exception {
 public:
    const char* what() const noexcept override { return "interrupted"; }
};

/// Tells any number of threads, those that wait included, that their work is not wanted any more.
class Interruption {
 public:
    Interruption();
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;

    void request() noexcept;
    bool requested() const noexcept;
    /// Throws `Interrupted` once it was requested.
    void check() const;
    /// Waits that long. Throws `Interrupted` as soon as it is requested.
    void sleep(std::chrono::milliseconds time) const;
    /// Readable once it was requested; for `poll`, not for reading.
    int fd() const noexcept { return fd_; }

 private:
    int fd_;
};

/// Runs `work` on a thread of its own and throws what it throws. SIGINT, SIGTERM and SIGHUP
/// interrupt it; when it then gives up, this process ends by that signal, as its parent expects.
/// Called on the main thread before any other thread starts.
void run_interruptible(const std::function<void(const Interruption&)>& work);

}  // namespace pkgreg::cli
