// BrokenPipe: what a call writes to a socket whose other end is gone must not raise a signal on the
// caller's thread. The library's own writes ask for that; libcurl's may not, as older versions
// leave it to the program how TLS is written.
#pragma once

#include <cerrno>
#include <csignal>
#include <ctime>

namespace pkgreg::capi {

/// Keeps SIGPIPE from this thread as long as it lives, and takes back the one that was raised
/// meanwhile. The process' handler is not touched.
class BrokenPipeSilenced {
 public:
    BrokenPipeSilenced() noexcept {
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~BrokenPipeSilenced() {
        const timespec at_once{};
        while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    BrokenPipeSilenced(const BrokenPipeSilenced&) = delete;
    BrokenPipeSilenced& operator=(const BrokenPipeSilenced&) = delete;

 private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_pending_ = false;
};

}  // namespace pkgreg::capi
