// The program's log on standard error: what the library and the program itself have to tell.
#pragma once

#include "pkgreg/log.hpp"
#include "pkgreg/options.hpp"

#include <memory>

namespace spdlog {
class logger;
}

namespace pkgreg::cli {

/// Writes lines of at least a level, as text or as JSON objects. A copy writes to the same log; any
/// thread may use it. What it makes of a line is `TIME LEVEL TEXT` or `{"ts":…,"level":…,"msg":…}`.
class ProgramLog {
 public:
    ProgramLog(LogLevel least, LogFormat format);

    void operator()(LogLevel level, std::string_view line) const;

 private:
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace pkgreg::cli
