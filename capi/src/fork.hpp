// Forks: a forked child has copies of all handles, but neither the threads nor the locks behind
// them. Whatever was made before the fork is refused there.
#pragma once

#include <atomic>
#include <cstdint>

namespace pkgreg::capi {

namespace detail {
extern std::atomic<std::uint32_t> fork_epoch;
}

/// Counts the forks that lie between this process and the one that loaded the library. A handle
/// keeps the number of its making.
inline std::uint32_t fork_epoch() noexcept {
    return detail::fork_epoch.load(std::memory_order_relaxed);
}

inline bool made_before_fork(std::uint32_t epoch) noexcept {
    return epoch != fork_epoch();
}

[[noreturn]] void throw_forked();
inline void require_same_process(std::uint32_t epoch) {
    if (made_before_fork(epoch)) throw_forked();
}

/// Sees to it that forks are counted from now on. Throws `io`.
void watch_forks();

}  // namespace pkgreg::capi
