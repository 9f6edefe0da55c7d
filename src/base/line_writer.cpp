#include "base/line_writer.hpp"

#include "base/threads.hpp"

#include <cerrno>
#include <new>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::chrono::seconds between_tries{1};

}  // namespace

bool write_all(int fd, std::string_view& text, int patience_ms) noexcept {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd writable{fd, POLLOUT, 0};
            if (::poll(&writable, 1, patience_ms) == 0) {
                errno = EAGAIN;
                return false;
            }
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

LineWriter::LineWriter(const Settings& settings, std::unique_ptr<LineSink> sink)
    : settings_(settings), sink_(std::move(sink)), thread_(start_thread([this] { run(); })) {}

LineWriter::~LineWriter() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void LineWriter::add(std::string_view line) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        const std::size_t before = lines_.size();
        if (before + line.size() > settings_.most_waiting) {
            ++lost_;
            return;
        }
        lines_.append(line);
        wake = before == 0 || (before < settings_.enough && lines_.size() >= settings_.enough);
    }
    if (wake) wake_.notify_one();
}

void LineWriter::count_lost() noexcept {
    const std::lock_guard lock(mutex_);
    ++lost_;
}

void LineWriter::run() noexcept {
    std::string lines;
    bool more = true;
    while (more) {
        const bool last = wait(!lines.empty());
        const bool written = hand_over(lines);
        const std::lock_guard lock(mutex_);
        more = !last || (written && !lines_.empty());
    }
    if (!lines.empty()) sink_->give_up();
}

/// Waits for lines, or for another try with those that were not written; true when there will be no
/// more of them.
bool LineWriter::wait(bool try_again) {
    std::unique_lock lock(mutex_);
    if (try_again) {
        wake_.wait_for(lock, between_tries, [&] { return stopping_; });
    } else {
        wake_.wait(lock, [&] { return stopping_ || !lines_.empty(); });
        wake_.wait_for(lock, settings_.gather_time,
                       [&] { return stopping_ || lines_.size() >= settings_.enough; });
    }
    return stopping_;
}

/// Takes the lines that wait, unless there are some in `lines` already; false when there are none.
bool LineWriter::take(std::string& lines) {
    if (lines.empty()) {
        const std::lock_guard lock(mutex_);
        lines.swap(lines_);
    }
    return !lines.empty();
}

/// Writes the lines of before, and those that wait; false when that did not work.
bool LineWriter::hand_over(std::string& lines) {
    // What came while there was no room has waited long enough.
    const bool all = !lines.empty();
    std::uint64_t lost = 0;
    try {
        while (take(lines)) {
            if (!sink_->write(lines)) return false;
            if (!all) break;
        }
        {
            const std::lock_guard lock(mutex_);
            lost = std::exchange(lost_, 0);
        }
        sink_->caught_up(lost);
        return true;
    } catch (const std::bad_alloc&) {
        const std::lock_guard lock(mutex_);
        lost_ += lost;
        return false;
    }
}

}  // namespace pkgreg
