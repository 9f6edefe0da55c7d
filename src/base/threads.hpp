// Threads of the library: every one of them starts with all signals blocked, so that an embedder's
// handlers run on the embedder's threads, and must not wait for the library itself.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace pkgreg {

namespace detail {
inline thread_local int reasons_not_to_wait = 0;
}

/// Whether a blocking call on this thread can end: not on a thread of the library, nor inside a
/// callback that it calls with locks held.
inline bool may_wait() noexcept {
    return detail::reasons_not_to_wait == 0;
}

/// Refuses blocking calls on this thread as long as it lives.
class NoWaiting {
 public:
    NoWaiting() noexcept { ++detail::reasons_not_to_wait; }
    ~NoWaiting() { --detail::reasons_not_to_wait; }
    NoWaiting(const NoWaiting&) = delete;
    NoWaiting& operator=(const NoWaiting&) = delete;
};

/// Starts a thread that blocks all signals and refuses blocking calls.
template <class F>
std::thread start_thread(F&& body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread thread([body = std::forward<F>(body)]() mutable {
            const NoWaiting whole_life;
            body();
        });
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return thread;
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
}

}  // namespace pkgreg
