#include "cli/access_log.hpp"

#include "base/json_text.hpp"
#include "base/mask_secrets.hpp"
#include "base/threads.hpp"
#include "cli/log_text.hpp"

#include <cerrno>
#include <exception>
#include <fmt/format.h>
#include <iterator>
#include <poll.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace pkgreg::cli {
namespace {

constexpr std::size_t enough_to_write = std::size_t{32} << 10;
constexpr std::size_t too_much = std::size_t{1} << 20;
constexpr std::chrono::milliseconds longest_delay(100);

std::string_view or_dash(std::string_view text) {
    return text.empty() ? "-" : text;
}

void append_text_line(std::string& out, const AccessRecord& record, std::string_view target) {
    out.push_back(' ');
    append_printable(out, or_dash(record.client));
    out.append(" \"");
    append_printable(out, record.method);
    out.push_back(' ');
    append_printable(out, target);
    const auto microseconds = record.duration.count() / 1000;
    fmt::format_to(std::back_inserter(out), "\" {} {} {} {}.{:03} ", record.status, record.bytes_in,
                   record.bytes_out, microseconds / 1000, microseconds % 1000);
    append_printable(out, or_dash(record.request_id));
    if (!record.complete) out.append(" incomplete");
    out.push_back('\n');
}

void append_json_line(std::string& out, const AccessRecord& record, std::string_view target) {
    const auto field = [&](std::string_view name, std::string_view value) {
        out.append(",\"").append(name).append("\":");
        append_json_string(out, value);
    };
    out.append("\",\"level\":\"info\",\"msg\":\"request\"");
    field("client", record.client);
    field("method", record.method);
    field("target", target);
    fmt::format_to(std::back_inserter(out),
                   ",\"status\":{},\"bytes_in\":{},\"bytes_out\":{},\"duration_us\":{}",
                   record.status, record.bytes_in, record.bytes_out,
                   record.duration.count() / 1000);
    field("request_id", record.request_id);
    field("user_agent", record.user_agent);
    out.append(record.complete ? ",\"complete\":true}\n" : ",\"complete\":false}\n");
}

/// A log that cannot be written is nobody's reason to stop serving.
void write_all(int fd, std::string_view text) noexcept {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n >= 0) {
            text.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            pollfd writable{fd, POLLOUT, 0};
            ::poll(&writable, 1, -1);
        } else if (errno != EINTR) {
            return;
        }
    }
}

}  // namespace

void append_access_line(std::string& out, const AccessRecord& record, LogFormat format,
                        std::chrono::system_clock::time_point now) {
    thread_local std::string target;
    target.clear();
    append_masked_url(target, record.target);
    if (format == LogFormat::text) {
        append_timestamp(out, now);
        append_text_line(out, record, target);
    } else {
        out.append("{\"ts\":\"");
        append_timestamp(out, now);
        append_json_line(out, record, target);
    }
}

AccessLog::AccessLog(int fd, LogFormat format)
    : fd_(fd), format_(format), writer_(start_thread([this] { run(); })) {}

AccessLog::~AccessLog() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    writer_.join();
}

void AccessLog::write(const AccessRecord& record) noexcept {
    try {
        thread_local std::string line;
        line.clear();
        append_access_line(line, record, format_, std::chrono::system_clock::now());
        bool wake = false;
        {
            const std::lock_guard lock(mutex_);
            if (lines_.size() + line.size() > too_much) {
                ++lost_;
                return;
            }
            const std::size_t before = lines_.size();
            lines_.append(line);
            wake = before == 0 || (before < enough_to_write && lines_.size() >= enough_to_write);
        }
        if (wake) wake_.notify_one();
    } catch (const std::exception&) {
        const std::lock_guard lock(mutex_);
        ++lost_;
    }
}

void AccessLog::run() {
    std::string out;
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [&] { return stopping_ || !lines_.empty(); });
        wake_.wait_for(lock, longest_delay,
                       [&] { return stopping_ || lines_.size() >= enough_to_write; });
        out.swap(lines_);
        const std::uint64_t lost = std::exchange(lost_, 0);
        const bool last = stopping_;
        lock.unlock();
        write_all(fd_, out);
        out.clear();
        if (lost != 0) {
            write_all(fd_, format_ == LogFormat::text
                               ? fmt::format("{} lines of the access log are lost\n", lost)
                               : fmt::format("{{\"level\":\"warning\",\"msg\":\"{} lines of the "
                                             "access log are lost\"}}\n",
                                             lost));
        }
        if (last) return;
        lock.lock();
    }
}

}  // namespace pkgreg::cli
