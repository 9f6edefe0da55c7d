// The parts that all lines of the logs are made of.
#pragma once

#include "base/printable.hpp"

#include <chrono>
#include <string>

namespace pkgreg::cli {

/// Appends `2026-01-31T12:00:00.123Z`.
void append_timestamp(std::string& out, std::chrono::system_clock::time_point time);

}  // namespace pkgreg::cli
