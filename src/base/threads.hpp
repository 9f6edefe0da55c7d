// Threads of the library: every one of them starts with all signals blocked, so that an embedder's
// handlers run on the embedder's threads.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

namespace pkgreg {

/// Starts a thread that blocks all signals.
template <class F>
std::thread start_thread(F&& body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread thread(std::forward<F>(body));
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return thread;
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
}

}  // namespace pkgreg
