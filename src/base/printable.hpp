// Text of strangers made fit to be shown: in logs and in messages.
#pragma once

#include <string>
#include <string_view>

namespace pkgreg {

/// Appends text as printable ASCII: other bytes, quotes and backslashes become `\xNN`, `\"` and
/// `\\`, so that whatever a client sends stays on its line and cannot steer a terminal.
void append_printable(std::string& out, std::string_view text);

}  // namespace pkgreg
