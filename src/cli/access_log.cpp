#include "cli/access_log.hpp"

#include "base/json_text.hpp"
#include "base/mask_secrets.hpp"
#include "base/printable.hpp"
#include "base/timestamp.hpp"

#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <memory>
#include <string_view>

namespace pkgreg::cli {
namespace {

constexpr LineWriter::Settings access_lines{std::size_t{1} << 20, std::size_t{32} << 10,
                                            std::chrono::milliseconds(100)};
constexpr int for_ever = -1;

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

/// Whoever reads the log. One that cannot be written is nobody's reason to stop serving.
class LogReader final : public LineSink {
 public:
    LogReader(int fd, LogFormat format) : fd_(fd), format_(format) {}

    bool write(std::string& lines) override {
        std::string_view text = lines;
        write_all(fd_, text, for_ever);
        lines.clear();
        return true;
    }
    void caught_up(std::uint64_t lost) override {
        if (lost == 0) return;
        std::string line = format_ == LogFormat::text
                               ? fmt::format("{} lines of the access log are lost\n", lost)
                               : fmt::format(
                                     "{{\"level\":\"warning\",\"msg\":\"{} lines of the "
                                     "access log are lost\"}}\n",
                                     lost);
        write(line);
    }

 private:
    const int fd_;
    const LogFormat format_;
};

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
    : format_(format), writer_(access_lines, std::make_unique<LogReader>(fd, format)) {}

void AccessLog::write(const AccessRecord& record) noexcept {
    writer_.write([&](std::string& line) {
        append_access_line(line, record, format_, std::chrono::system_clock::now());
    });
}

}  // namespace pkgreg::cli
