// The signals that end a server, as something to wait for.
#pragma once

#include <optional>

namespace pkgreg::cli {

/// Takes SIGTERM, SIGINT and SIGHUP from now on, and ignores SIGPIPE. Made on the main thread
/// before any other thread starts: threads inherit what is blocked, so the signals come only here.
class StopSignals {
 public:
    StopSignals();
    ~StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    /// Waits for the next signal, or until `other` is readable (-1: for the signal alone). Nothing
    /// when it was `other`.
    std::optional<int> wait(int other = -1);
    /// A signal that has come already; does not wait.
    std::optional<int> poll();
    /// Readable when a signal has come.
    int fd() const noexcept { return fd_; }

 private:
    std::optional<int> take();

    int fd_;
};

}  // namespace pkgreg::cli
