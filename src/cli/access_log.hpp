// The access log: one line for each request, cheap enough to stay on under load.
#pragma once

#include "pkgreg/options.hpp"
#include "pkgreg/server.hpp"

#include "base/line_writer.hpp"

#include <chrono>
#include <string>

namespace pkgreg::cli {

/// Appends the line of one request, with its line break. Text:
///
///     TIME CLIENT "METHOD TARGET" STATUS BYTES-IN BYTES-OUT MILLISECONDS REQUEST-ID
///
/// with ` incomplete` behind it when the connection broke; JSON: an object of the same and the
/// user agent. Secrets in the target are masked.
void append_access_line(std::string& out, const AccessRecord& record, LogFormat format,
                        std::chrono::system_clock::time_point now);

/// Collects lines and writes them to a descriptor from a thread of its own, a moment later, so no
/// request waits for whoever reads the log. A reader that falls too far behind loses lines, and is
/// told how many. Any thread may write.
class AccessLog {
 public:
    /// @param fd stays open as long as this lives
    AccessLog(int fd, LogFormat format);
    /// Writes what is left.
    ~AccessLog() = default;
    AccessLog(const AccessLog&) = delete;
    AccessLog& operator=(const AccessLog&) = delete;

    void write(const AccessRecord& record) noexcept;

 private:
    const LogFormat format_;
    LineWriter writer_;
};

}  // namespace pkgreg::cli
