#include "cli/build/interruption.hpp"

#include "base/threads.hpp"
#include "cli/signals.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <iostream>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace pkgreg::cli {
namespace {

int make_event() {
    const int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return fd;
}

[[noreturn]] void end_by_signal(int signal) {
    std::cout.flush();
    std::cerr << "pkgreg: interrupted; nothing was left behind" << std::endl;
    std::signal(signal, SIG_DFL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    std::raise(signal);
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    _exit(128 + signal);
}

}  // namespace

Interruption::Interruption() : fd_(make_event()) {}
Interruption::~Interruption() {
    ::close(fd_);
}

void Interruption::request() noexcept {
    eventfd_write(fd_, 1);
}

bool Interruption::requested() const noexcept {
    pollfd event{fd_, POLLIN, 0};
    return ::poll(&event, 1, 0) > 0;
}

void Interruption::check() const {
    if (requested()) throw Interrupted();
}

void Interruption::sleep(std::chrono::milliseconds time) const {
    const auto end = std::chrono::steady_clock::now() + time;
    while (true) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd event{fd_, POLLIN, 0};
        const int ready = ::poll(&event, 1, static_cast<int>(std::max<long long>(left.count(), 0)));
        if (ready > 0) throw Interrupted();
        if (left.count() <= 0) return;
    }
}

void run_interruptible(const std::function<void(const Interruption&)>& work) {
    StopSignals signals;
    Interruption interruption;
    Interruption done;
    std::exception_ptr failure;
    std::thread worker = start_thread([&] {
        try {
            work(interruption);
        } catch (...) {
            failure = std::current_exception();
        }
        done.request();
    });
    std::optional<int> stopped_by;
    while (const auto signal = signals.wait(done.fd())) {
        stopped_by = signal;
        interruption.request();
    }
    worker.join();
    if (!failure) return;
    if (stopped_by) end_by_signal(*stopped_by);
    std::rethrow_exception(failure);
}

}  // namespace pkgreg::cli
