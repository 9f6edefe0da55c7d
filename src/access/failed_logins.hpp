// FailedLogins: who guesses passwords has to wait, longer each time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace pkgreg::access {

/// Counts log-ins that failed, for each address and for each name. Any thread may call every
/// member; nobody waits in here: who comes too early is told when to come back. Times are seconds
/// of a clock that never goes back.
///
/// What somebody else does from another address, under another name, is not hindered; nor is
/// whoever is remembered from a log-in before, since he is not asked for here.
class FailedLogins {
 public:
    /// So many may fail before there is a pause; it doubles with each further one.
    static constexpr std::uint32_t free_per_address = 10;
    /// More, and shorter pauses: others must not be able to keep the name's owner out.
    static constexpr std::uint32_t free_per_name = 30;
    static constexpr std::chrono::seconds longest_pause_of_address{60};
    static constexpr std::chrono::seconds longest_pause_of_name{5};
    /// All is forgotten when so long nothing failed.
    static constexpr std::chrono::seconds memory{600};
    /// So many log-ins of one address are looked at at once.
    static constexpr std::uint32_t max_at_once = 32;

    /// Before a password is looked at: zero, or how long to wait. After zero, `end` must follow.
    std::chrono::seconds begin(std::string_view name, std::string_view address, std::int64_t now);
    /// What came of it.
    void end(std::string_view name, std::string_view address, std::int64_t now, bool failed);

    std::size_t size() const;

 private:
    struct Record {
        std::uint32_t failures = 0;
        std::uint32_t running = 0;
        std::int64_t last = 0;        // when the last one failed
        std::int64_t not_before = 0;  // the end of the pause
    };
    using Table = std::unordered_map<std::string, Record>;

    Record& record(const std::string& key, std::int64_t now);
    static void fail(Record& record, std::int64_t now, std::uint32_t free,
                     std::chrono::seconds longest);

    static constexpr std::size_t generation = 4096;

    mutable std::mutex mutex_;
    // What is used moves to the young table; when that is full, what is left in the old one goes.
    Table young_;
    Table old_;
};

}  // namespace pkgreg::access
