// Housekeeping: the work that a registry has to do from time to time while it serves.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/registry.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace pkgreg {

/// Gives up idle uploads every minute and, where the storage is shared, removes orphans every few
/// hours: each instance does so, at times of its own, and what one has removed the others do not
/// find.
class Housekeeping {
 public:
    /// @param log receives what failed and what was removed; may be empty
    Housekeeping(std::shared_ptr<Registry> registry, LogCallback log);

    /// Does what is due. Called again and again, one call at a time; never throws.
    awaitable<void> tick();

 private:
    using Clock = std::chrono::steady_clock;

    void tell(LogLevel level, const std::string& line) const;
    awaitable<void> expire_uploads();
    awaitable<void> merge_segments();
    awaitable<void> remove_orphans();

    std::shared_ptr<Registry> registry_;
    LogCallback log_;
    Clock::time_point next_uploads_;
    Clock::time_point next_orphans_;
};

}  // namespace pkgreg
