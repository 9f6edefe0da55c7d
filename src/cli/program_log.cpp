#include "cli/program_log.hpp"

#include "base/json_text.hpp"
#include "base/printable.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <string>
#include <utility>

namespace pkgreg::cli {
namespace {

/// `%*` in the pattern: the line without anything that breaks it, or the format around it.
class EscapedText final : public spdlog::custom_flag_formatter {
 public:
    explicit EscapedText(LogFormat format) : format_(format) {}

    void format(const spdlog::details::log_msg& message, const std::tm&,
                spdlog::memory_buf_t& out) override {
        std::string text;
        const std::string_view line(message.payload.data(), message.payload.size());
        if (format_ == LogFormat::json) {
            append_json_string(text, line);
        } else {
            append_text(text, line);
        }
        out.append(text.data(), text.data() + text.size());
    }
    std::unique_ptr<custom_flag_formatter> clone() const override {
        return std::make_unique<EscapedText>(format_);
    }

 private:
    /// Messages quote names as people read them; only control characters have to go.
    static void append_text(std::string& out, std::string_view line) {
        for (const char c : line) {
            if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
                append_printable(out, std::string_view(&c, 1));
            } else {
                out.push_back(c);
            }
        }
    }

    LogFormat format_;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::error: return spdlog::level::err;
    }
    return spdlog::level::err;
}

}  // namespace

ProgramLog::ProgramLog(LogLevel least, LogFormat format)
    : logger_(std::make_shared<spdlog::logger>("pkgreg",
                                               std::make_shared<spdlog::sinks::stderr_sink_mt>())) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
    formatter->add_flag<EscapedText>('*', format);
    formatter->set_pattern(format == LogFormat::json
                               ? R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","msg":%*})"
                               : "%Y-%m-%dT%H:%M:%S.%eZ %l %*");
    logger_->set_formatter(std::move(formatter));
    logger_->set_level(spdlog_level(least));
}

void ProgramLog::operator()(LogLevel level, std::string_view line) const {
    logger_->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace pkgreg::cli
