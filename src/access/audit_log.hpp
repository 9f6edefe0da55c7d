// The audit log: who changed what, who was refused what. include/pkgreg/access.md describes a line.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/log.hpp"

#include "base/unique_fd.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

namespace pkgreg::access {

/// What the log tells of one request. Views live during the call; what is empty is left out.
/// Nothing in it may be a secret: names and digests, never credentials or the target of a request.
struct AuditEntry {
    std::string_view request_id = {};
    /// Null: nobody, or nobody yet.
    const Identity* identity = nullptr;
    std::string_view client = {};
    /// What was asked for, such as `push-manifest`.
    std::string_view action = {};
    std::string_view repository = {};
    std::string_view package = {};
    /// A tag, a digest or a package's version, as it was asked for.
    std::string_view reference = {};
    std::span<const std::string_view> tags = {};  ///< that were set beside it
    std::string_view digest = {};                 ///< of what was stored
    unsigned status = 0;                          ///< of the response
    std::string_view error = {};                  ///< code of the response's error
    std::string_view reason = {};                 ///< of a refusal
};

/// Appends the line of one entry, with its line break. Texts of clients are cut off after 512
/// bytes.
void append_audit_line(std::string& out, const AuditEntry& entry,
                       std::chrono::system_clock::time_point now);

/// Writes entries to a file from a thread of its own, a moment later, each with one call, so no
/// request waits for the disk. They are not synced. A file that was moved away is made anew. While
/// the file cannot be written, which is told in the log once, 4 MiB of lines wait; of what comes on
/// top the number is written when it works again. Any thread may write.
class AuditLog {
 public:
    /// @param file `-`: standard error
    /// Throws `invalid_options` when it cannot be opened.
    AuditLog(std::string file, LogCallback log);
    /// Writes what is left; what cannot be written is told in the log.
    ~AuditLog();
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    void write(const AuditEntry& entry) noexcept;

 private:
    void run() noexcept;
    bool wait(bool try_again);
    bool take(std::string& out);
    bool write_out(std::string& out);
    bool write_line(std::string_view line, std::size_t& done);
    bool open_if_moved();
    void failed(const std::string& what);
    bool has_lost();
    void works_again();
    void tell(LogLevel level, const std::string& line) const;

    const std::string file_;
    const LogCallback log_;
    // The writer's alone, once it runs.
    UniqueFd opened_;
    int fd_ = -1;
    bool failing_ = false;
    bool moved_told_ = false;
    bool torn_ = false;  // the last line has its beginning in the file, and not its end

    std::mutex mutex_;
    std::condition_variable wake_;
    std::string lines_;
    std::uint64_t lost_ = 0;
    bool stopping_ = false;
    std::thread writer_;
};

}  // namespace pkgreg::access
