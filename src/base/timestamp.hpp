// The time as all logs write it.
#pragma once

#include <chrono>
#include <string>

namespace pkgreg {

/// Appends `2026-01-31T12:00:00.123Z`.
void append_timestamp(std::string& out, std::chrono::system_clock::time_point time);

}  // namespace pkgreg
