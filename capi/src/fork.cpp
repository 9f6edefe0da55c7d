#include "fork.hpp"

#include "pkgreg/error.hpp"

#include "registry_table.hpp"

#include <pthread.h>
#include <string>
#include <system_error>

namespace pkgreg::capi {

std::atomic<std::uint32_t> detail::fork_epoch{0};

namespace {

// The child must find the table's mutex free, whoever held it in the parent.
void before_fork() {
    RegistryTable::lock_for_fork();
}

void after_fork_in_parent() {
    RegistryTable::unlock_after_fork();
}

void after_fork_in_child() {
    detail::fork_epoch.fetch_add(1, std::memory_order_relaxed);
    RegistryTable::renew_after_fork();
}

}  // namespace

void throw_forked() {
    throw Error(ErrorCode::forked,
                "this was opened before the process forked, and belongs to the parent; open the "
                "registry anew in this process");
}

void watch_forks() {
    static const int error = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (error != 0) {
        throw Error(ErrorCode::io,
                    "cannot watch for forks: " + std::generic_category().message(error));
    }
}

}  // namespace pkgreg::capi
