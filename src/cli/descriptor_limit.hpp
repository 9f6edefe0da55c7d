// The number of files that this process may have open.
#pragma once

#include <sys/resource.h>

namespace pkgreg::cli {

/// Raises it as far as it goes: connections and files are a descriptor each.
inline void raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace pkgreg::cli
