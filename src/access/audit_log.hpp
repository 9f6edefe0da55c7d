// The audit log: who changed what, who was refused what. include/pkgreg/access.md describes a line.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/log.hpp"

#include "base/line_writer.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

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
    AuditLog(const std::string& file, const LogCallback& log);
    /// Writes what is left; what cannot be written is told in the log.
    ~AuditLog() = default;
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    void write(const AuditEntry& entry) noexcept;

 private:
    LineWriter writer_;
};

}  // namespace pkgreg::access
