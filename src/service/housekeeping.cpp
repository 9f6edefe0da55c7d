#include "service/housekeeping.hpp"

#include <exception>
#include <random>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::chrono::minutes between_uploads{1};
constexpr std::chrono::hours between_orphans{6};

/// Instances that were started together do not all read the storage at once.
std::chrono::seconds some_minutes() {
    std::random_device random;
    return std::chrono::seconds(std::uniform_int_distribution<int>(300, 3600)(random));
}

}  // namespace

Housekeeping::Housekeeping(std::shared_ptr<Registry> registry, LogCallback log)
    : registry_(std::move(registry)),
      log_(std::move(log)),
      next_uploads_(Clock::now() + between_uploads),
      next_orphans_(registry_->store().capabilities().late_naming ? Clock::time_point::max()
                                                                  : Clock::now() + some_minutes()) {
}

awaitable<void> Housekeeping::tick() {
    const auto now = Clock::now();
    if (now >= next_uploads_) {
        next_uploads_ = now + between_uploads;
        co_await expire_uploads();
        co_await merge_segments();
    }
    if (now >= next_orphans_) {
        next_orphans_ = now + between_orphans;
        co_await remove_orphans();
    }
}

void Housekeeping::tell(LogLevel level, const std::string& line) const {
    if (log_) log_(level, line);
}

awaitable<void> Housekeeping::expire_uploads() {
    try {
        co_await registry_->expire_uploads();
    } catch (const std::exception& error) {
        tell(LogLevel::error, std::string("cannot give up idle uploads: ") + error.what());
    }
}

awaitable<void> Housekeeping::merge_segments() {
    try {
        const std::size_t merged = co_await registry_->merge_segments();
        if (merged == 0) co_return;
        tell(LogLevel::info,
             "put " + std::to_string(merged) + " blobs together that were pushed in many pieces");
    } catch (const std::exception& error) {
        tell(LogLevel::warning,
             std::string("cannot put blobs together that were pushed in many pieces: ") +
                 error.what());
    }
}

awaitable<void> Housekeeping::remove_orphans() {
    try {
        const auto orphans = co_await registry_->list_orphans();
        if (orphans.empty()) co_return;
        const std::size_t removed = co_await registry_->remove_orphans(orphans);
        tell(LogLevel::info, "removed " + std::to_string(removed) + " of " +
                                 std::to_string(orphans.size()) +
                                 " objects and uploads that nothing needs");
    } catch (const std::exception& error) {
        tell(LogLevel::error,
             std::string("cannot look for objects that nothing needs: ") + error.what());
    }
}

}  // namespace pkgreg
