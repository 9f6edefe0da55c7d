// Housekeeping: the work that a registry has to do from time to time while it serves.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/registry.hpp"

#include "cli/program_log.hpp"

#include <chrono>
#include <memory>

namespace pkgreg::cli {

/// Gives up idle uploads every minute and, where the storage is shared, removes orphans every few
/// hours: each instance does so, at times of its own, and what one has removed the others do not
/// find.
class Housekeeping {
 public:
    Housekeeping(std::shared_ptr<Registry> registry, ProgramLog log);

    /// Does what is due. Called again and again, one call at a time; never throws.
    awaitable<void> tick();

 private:
    using Clock = std::chrono::steady_clock;

    awaitable<void> expire_uploads();
    awaitable<void> merge_segments();
    awaitable<void> remove_orphans();

    std::shared_ptr<Registry> registry_;
    ProgramLog log_;
    Clock::time_point next_uploads_;
    Clock::time_point next_orphans_;
};

}  // namespace pkgreg::cli
