#include "cli/signals.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/signalfd.h>
#include <system_error>
#include <unistd.h>

namespace pkgreg::cli {

StopSignals::StopSignals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC);
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "signalfd");
}

StopSignals::~StopSignals() {
    ::close(fd_);
}

std::optional<int> StopSignals::wait(int other) {
    while (true) {
        std::array<pollfd, 2> waiting = {pollfd{fd_, POLLIN, 0}, pollfd{other, POLLIN, 0}};
        if (::poll(waiting.data(), waiting.size(), -1) < 0) {
            if (errno == EINTR) continue;
            throw std::system_error(errno, std::generic_category(), "poll");
        }
        if (waiting[0].revents != 0) {
            if (const auto signal = take()) return signal;
        }
        if (waiting[1].revents != 0) return std::nullopt;
    }
}

std::optional<int> StopSignals::poll() {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, 0) > 0 ? take() : std::nullopt;
}

std::optional<int> StopSignals::take() {
    signalfd_siginfo info{};
    if (::read(fd_, &info, sizeof info) != sizeof info) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

}  // namespace pkgreg::cli
