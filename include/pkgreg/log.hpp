// How the library tells what it does: through one callback, never on its own.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace pkgreg {

enum class LogLevel : std::uint8_t { debug, info, warning, error };

/// Receives one line of UTF-8, without a line break or a secret; the view lives during the call.
/// Called from any thread, several at once. Must not throw, nor call back into the registry.
using LogCallback = std::function<void(LogLevel, std::string_view)>;

}  // namespace pkgreg
