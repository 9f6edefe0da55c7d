#include "access/failed_logins.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg::access {
namespace {

std::string address_key(std::string_view address) {
    return std::string("a").append(address);
}
std::string name_key(std::string_view name) {
    return std::string("n").append(name);
}

}  // namespace

FailedLogins::Record& FailedLogins::record(const std::string& key, std::int64_t now) {
    auto found = young_.find(key);
    if (found == young_.end()) {
        Record kept;
        if (const auto old = old_.find(key); old != old_.end()) {
            kept = old->second;
            old_.erase(old);
        }
        if (young_.size() >= generation) {
            old_ = std::move(young_);
            young_.clear();
        }
        found = young_.emplace(key, kept).first;
    }
    Record& record = found->second;
    if (now - record.last > memory.count()) record.failures = 0;
    return record;
}

void FailedLogins::fail(Record& record, std::int64_t now, std::uint32_t free,
                        std::chrono::seconds longest) {
    record.last = now;
    ++record.failures;
    if (record.failures < free) return;
    const std::uint32_t doublings = std::min<std::uint32_t>(record.failures - free, 16);
    record.not_before = now + std::min<std::int64_t>(std::int64_t{1} << doublings, longest.count());
}

std::chrono::seconds FailedLogins::begin(std::string_view name, std::string_view address,
                                         std::int64_t now) {
    const std::lock_guard lock(mutex_);
    // One after the other: the second may move the first one's table.
    const std::int64_t name_pause = record(name_key(name), now).not_before - now;
    Record& from = record(address_key(address), now);
    const std::int64_t pause = std::max(name_pause, from.not_before - now);
    if (pause > 0) return std::chrono::seconds(pause);
    if (from.running >= max_at_once) return std::chrono::seconds(1);
    ++from.running;
    return std::chrono::seconds(0);
}

void FailedLogins::end(std::string_view name, std::string_view address, std::int64_t now,
                       bool failed) {
    const std::lock_guard lock(mutex_);
    Record& from = record(address_key(address), now);
    if (from.running != 0) --from.running;  // it may have been forgotten in between
    if (!failed) return;
    fail(from, now, free_per_address, longest_pause_of_address);
    fail(record(name_key(name), now), now, free_per_name, longest_pause_of_name);
}

std::size_t FailedLogins::size() const {
    const std::lock_guard lock(mutex_);
    return young_.size() + old_.size();
}

}  // namespace pkgreg::access
