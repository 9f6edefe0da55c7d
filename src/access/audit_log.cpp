#include "access/audit_log.hpp"

#include "pkgreg/error.hpp"

#include "access/identity_kinds.hpp"
#include "base/json_text.hpp"
#include "base/threads.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <exception>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::size_t most_waiting = std::size_t{4} << 20;
constexpr std::size_t longest_text = 512;
constexpr std::chrono::milliseconds gather_time{20};
constexpr std::chrono::seconds between_tries{1};
// How long a pipe's reader is waited for at a time.
constexpr int patience_ms = 1000;

void append_time(std::string& out, std::chrono::system_clock::time_point now) {
    const auto since = std::chrono::floor<std::chrono::milliseconds>(now.time_since_epoch());
    const auto second = std::chrono::floor<std::chrono::seconds>(since);
    const std::time_t value = second.count();
    std::tm parts{};
    ::gmtime_r(&value, &parts);
    std::array<char, 40> text;
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const auto ms = static_cast<int>((since - second).count());
    const int more = std::snprintf(text.data() + length, text.size() - length, ".%03dZ", ms);
    out.append(text.data(), length + static_cast<std::size_t>(more));
}

std::string_view result_of(unsigned status) noexcept {
    if (status == 401 || status == 403) return "refused";
    return status < 400 ? "done" : "failed";
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value.substr(0, longest_text));
}

std::string lost_line(std::uint64_t lost) {
    std::string line = "{\"time\":\"";
    append_time(line, std::chrono::system_clock::now());
    return line.append("\",\"action\":\"lines-lost\",\"count\":")
        .append(std::to_string(lost))
        .append("}\n");
}

UniqueFd open_file(const std::string& file) noexcept {
    // A pipe without a reader is an error, not a reason to wait.
    return UniqueFd(::open(file.c_str(),
                           O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                           S_IRUSR | S_IWUSR | S_IRGRP));
}

std::string error_text() {
    return std::generic_category().message(errno);
}

}  // namespace

void append_audit_line(std::string& out, const AuditEntry& entry,
                       std::chrono::system_clock::time_point now) {
    out.append("{\"time\":\"");
    append_time(out, now);
    out.push_back('"');
    append_field(out, "request", entry.request_id);
    const Identity nobody;
    const Identity& identity = entry.identity != nullptr ? *entry.identity : nobody;
    append_field(out, "kind", to_string(identity.kind));
    append_field(out, "name", identity.name);
    append_field(out, "client", entry.client);
    append_field(out, "action", entry.action);
    append_field(out, "repository", entry.repository);
    append_field(out, "package", entry.package);
    append_field(out, "reference", entry.reference);
    if (!entry.tags.empty()) {
        out.append(",\"tags\":[");
        for (std::size_t i = 0; i < entry.tags.size(); ++i) {
            if (i != 0) out.push_back(',');
            append_json_string(out, entry.tags[i].substr(0, longest_text));
        }
        out.push_back(']');
    }
    append_field(out, "digest", entry.digest);
    append_field(out, "result", result_of(entry.status));
    out.append(",\"status\":").append(std::to_string(entry.status));
    append_field(out, "error", entry.error);
    append_field(out, "reason", entry.reason);
    out.append("}\n");
}

AuditLog::AuditLog(std::string file, LogCallback log)
    : file_(std::move(file)), log_(std::move(log)) {
    if (file_ == "-") {
        fd_ = STDERR_FILENO;
    } else {
        opened_ = open_file(file_);
        if (!opened_) {
            throw Error(ErrorCode::invalid_options,
                        "the audit log " + file_ + " cannot be opened: " + error_text());
        }
        fd_ = opened_.get();
    }
    writer_ = start_thread([this] { run(); });
}

AuditLog::~AuditLog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    writer_.join();
}

void AuditLog::write(const AuditEntry& entry) noexcept {
    try {
        thread_local std::string line;
        line.clear();
        append_audit_line(line, entry, std::chrono::system_clock::now());
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            if (lines_.size() + line.size() > most_waiting) {
                ++lost_;
                return;
            }
            wake = lines_.empty();
            lines_.append(line);
        }
        if (wake) wake_.notify_one();
    } catch (const std::exception&) {
        const std::lock_guard lock(mutex_);
        ++lost_;
    }
}

void AuditLog::run() noexcept {
    std::string out;
    bool last = false;
    while (!last) {
        last = wait(!out.empty());
        try {
            while (take(out) && write_out(out)) {
            }
            // Also where more lines came at once than wait, though the disk took them all.
            if (out.empty() && (failing_ || has_lost())) works_again();
        } catch (const std::bad_alloc&) {
            // What could not be taken waits; another try follows.
        }
    }
    if (out.empty()) return;
    tell(LogLevel::error, "lines of the audit log are lost: " + file_ + " cannot be written");
}

/// Waits for lines, or for another try with those that a full disk did not take; true when there
/// will be no more of them.
bool AuditLog::wait(bool try_again) {
    std::unique_lock lock(mutex_);
    if (try_again) {
        wake_.wait_for(lock, between_tries, [&] { return stopping_; });
    } else {
        wake_.wait(lock, [&] { return stopping_ || !lines_.empty(); });
        wake_.wait_for(lock, gather_time, [&] { return stopping_; });
    }
    return stopping_;
}

/// Takes the lines that wait, unless there are some in `out` already; false when there are none.
bool AuditLog::take(std::string& out) {
    if (out.empty()) {
        const std::lock_guard lock(mutex_);
        out.swap(lines_);
    }
    return !out.empty();
}

/// Writes line after line, and takes off what was written; false when that did not work.
bool AuditLog::write_out(std::string& out) {
    if (open_if_moved() && torn_) {
        // The line whose beginning went away with the old file.
        out.erase(0, out.find('\n') + 1);
        const std::lock_guard lock(mutex_);
        ++lost_;
    }
    std::size_t done = 0;
    bool good = true;
    while (good && done < out.size()) {
        const std::size_t begin = done;
        const std::size_t end = out.find('\n', done) + 1;
        good = write_line(std::string_view(out).substr(begin, end - begin), done);
        torn_ = !good && (torn_ || done != begin);
    }
    if (!good) failed(error_text());
    out.erase(0, done);
    return good;
}

/// One call for one line, unless the disk takes only a part of it.
bool AuditLog::write_line(std::string_view line, std::size_t& done) {
    while (!line.empty()) {
        const ssize_t n = ::write(fd_, line.data(), line.size());
        if (n >= 0) {
            line.remove_prefix(static_cast<std::size_t>(n));
            done += static_cast<std::size_t>(n);
        } else if (errno == EAGAIN) {
            pollfd writable{fd_, POLLOUT, 0};
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

/// Whether lines go to another file from now on.
bool AuditLog::open_if_moved() {
    if (!opened_) return false;
    struct stat there {};
    struct stat ours {};
    const bool same = ::stat(file_.c_str(), &there) == 0 && ::fstat(fd_, &ours) == 0 &&
                      there.st_ino == ours.st_ino && there.st_dev == ours.st_dev;
    if (same) return false;
    UniqueFd fresh = open_file(file_);
    if (!fresh) {
        if (std::exchange(moved_told_, true)) return false;
        tell(LogLevel::error, "the audit log " + file_ +
                                  " was moved away and cannot be opened anew: " + error_text() +
                                  "; the file that was moved gets its lines");
        return false;
    }
    moved_told_ = false;
    opened_ = std::move(fresh);
    fd_ = opened_.get();
    return true;
}

void AuditLog::failed(const std::string& what) {
    if (std::exchange(failing_, true)) return;
    tell(LogLevel::error, "the audit log " + file_ + " cannot be written: " + what +
                              "; changes go on, and their lines wait as far as there is room");
}

bool AuditLog::has_lost() {
    const std::lock_guard lock(mutex_);
    return lost_ != 0;
}

void AuditLog::works_again() {
    std::uint64_t lost = 0;
    {
        const std::lock_guard lock(mutex_);
        lost = std::exchange(lost_, 0);
    }
    failing_ = false;
    if (lost != 0) {
        std::string line = lost_line(lost);
        write_out(line);
    }
    tell(LogLevel::warning, "the audit log " + file_ +
                                " is written again; lines that are lost: " + std::to_string(lost));
}

void AuditLog::tell(LogLevel level, const std::string& line) const {
    if (log_) log_(level, line);
}

}  // namespace pkgreg::access
