// The parts that all lines of the logs are made of.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// Appends `2026-01-31T12:00:00.123Z`.
void append_timestamp(std::string& out, std::chrono::system_clock::time_point time);

/// Appends text as printable ASCII: other bytes, quotes and backslashes become `\xNN`, `\"` and
/// `\\`, so that whatever a client sends stays on its line and cannot steer a terminal.
void append_printable(std::string& out, std::string_view text);

}  // namespace pkgreg::cli
