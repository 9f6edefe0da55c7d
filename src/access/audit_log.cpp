#include "access/audit_log.hpp"

#include "pkgreg/error.hpp"

#include "access/identity_kinds.hpp"
#include "base/json_text.hpp"
#include "base/timestamp.hpp"
#include "base/unique_fd.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::size_t longest_text = 512;
constexpr std::size_t most_waiting = std::size_t{4} << 20;
constexpr LineWriter::Settings audit_lines{most_waiting, most_waiting,
                                           std::chrono::milliseconds(20)};
// How long a pipe's reader is waited for at a time.
constexpr int patience_ms = 1000;

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
    append_timestamp(line, std::chrono::system_clock::now());
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

/// The file, also while others move it away, share it or fill the disk.
class AuditFile final : public LineSink {
 public:
    /// @param file `-`: standard error
    /// Throws `invalid_options` when it cannot be opened.
    AuditFile(std::string file, LogCallback log) : file_(std::move(file)), log_(std::move(log)) {
        if (file_ == "-") return;
        opened_ = open_file(file_);
        if (!opened_) {
            throw Error(ErrorCode::invalid_options,
                        "the audit log " + file_ + " cannot be opened: " + error_text());
        }
        fd_ = opened_.get();
    }

    bool write(std::string& lines) override;
    void caught_up(std::uint64_t lost) override;
    void give_up() noexcept override {
        tell(LogLevel::error, "lines of the audit log are lost: " + file_ + " cannot be written");
    }

 private:
    bool open_if_moved();
    void failed(const std::string& what);
    void tell(LogLevel level, const std::string& line) const {
        if (log_) log_(level, line);
    }

    const std::string file_;
    const LogCallback log_;
    UniqueFd opened_;
    int fd_ = STDERR_FILENO;
    bool failing_ = false;
    bool moved_told_ = false;
    bool torn_ = false;             // the last line has its beginning in the file, and not its end
    std::uint64_t torn_lines_ = 0;  // whose beginning went away with a file
};

/// Writes line after line, each with one call, unless the disk takes only a part of it.
bool AuditFile::write(std::string& lines) {
    if (open_if_moved() && torn_) {
        lines.erase(0, lines.find('\n') + 1);
        torn_ = false;
        ++torn_lines_;
    }
    std::size_t done = 0;
    bool good = true;
    while (good && done < lines.size()) {
        const std::size_t end = lines.find('\n', done) + 1;
        std::string_view line = std::string_view(lines).substr(done, end - done);
        good = write_all(fd_, line, patience_ms);
        const bool begun = end - line.size() != done;
        done = end - line.size();
        torn_ = !good && (torn_ || begun);
    }
    if (!good) failed(error_text());
    lines.erase(0, done);
    return good;
}

void AuditFile::caught_up(std::uint64_t lost) {
    lost += torn_lines_;
    // Also where more lines came at once than wait, though the disk took them all.
    if (!failing_ && lost == 0) return;
    failing_ = false;
    torn_lines_ = 0;
    if (lost != 0) {
        std::string line = lost_line(lost);
        write(line);
    }
    tell(LogLevel::warning, "the audit log " + file_ +
                                " is written again; lines that are lost: " + std::to_string(lost));
}

/// Whether lines go to another file from now on.
bool AuditFile::open_if_moved() {
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

void AuditFile::failed(const std::string& what) {
    if (std::exchange(failing_, true)) return;
    tell(LogLevel::error, "the audit log " + file_ + " cannot be written: " + what +
                              "; changes go on, and their lines wait as far as there is room");
}

}  // namespace

void append_audit_line(std::string& out, const AuditEntry& entry,
                       std::chrono::system_clock::time_point now) {
    out.append("{\"time\":\"");
    append_timestamp(out, now);
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

AuditLog::AuditLog(const std::string& file, const LogCallback& log)
    : writer_(audit_lines, std::make_unique<AuditFile>(file, log)) {}

void AuditLog::write(const AuditEntry& entry) noexcept {
    writer_.write([&entry](std::string& line) {
        append_audit_line(line, entry, std::chrono::system_clock::now());
    });
}

}  // namespace pkgreg::access
