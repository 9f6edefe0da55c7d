// Opening and closing a registry, and who is told of what it does.

#include "arguments.hpp"
#include "base/threads.hpp"
#include "core.hpp"
#include "error.hpp"
#include "fork.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"

#include <memory>

using namespace pkgreg::capi;

namespace {

/// Whether closing would wait for the calling thread itself.
bool would_deadlock(pkgreg_registry* registry) noexcept {
    return !pkgreg::may_wait() || Call::runs_on_this_thread(registry);
}

/// Everything behind the point from which on calls are refused.
void close(RegistryTable::Slot& slot) {
    Core& core = RegistryTable::core_of(slot);
    core.children.cut_off_all();
    RegistryTable::wait_for_calls(slot);
    core.children.release_all();
    // The storage is released before the place is free: a directory can be opened again.
    RegistryTable::remove(slot).reset();
}

}  // namespace

const char* pkgreg_version(void) {
    return PKGREG_VERSION;
}

int32_t pkgreg_open(const char* storage, size_t storage_length, const char* options,
                    size_t options_length, pkgreg_registry** registry, pkgreg_error** error) {
    clear(registry);
    return guard(error, [&] {
        pkgreg_registry*& opened = result(registry, "registry");
        watch_forks();
        auto core = std::make_unique<Core>(read_open_options(
            optional_text(storage, storage_length), optional_text(options, options_length)));
        opened = RegistryTable::insert(std::move(core));
    });
}

int32_t pkgreg_close(pkgreg_registry** registry) {
    if (!registry || !*registry) return PKGREG_OK;
    pkgreg_registry* const key = *registry;
    const std::int32_t usable = guard(nullptr, [&] { const Call call(key); });
    if (usable == PKGREG_OK && would_deadlock(key)) return PKGREG_WOULD_DEADLOCK;
    *registry = nullptr;
    if (usable != PKGREG_OK) return usable;
    RegistryTable::Slot* const slot = RegistryTable::begin_close(key);
    if (!slot) return PKGREG_CLOSED;  // another thread was faster
    return guard(nullptr, [&] { close(*slot); });
}

int32_t pkgreg_set_log(pkgreg_registry* registry, pkgreg_log_fn log, void* user,
                       pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        call->log->set(log, user);
    });
}

int32_t pkgreg_set_progress(pkgreg_registry* registry, pkgreg_progress_fn progress, void* user,
                            pkgreg_error** error) {
    return guard(error, [&] {
        const Call call(registry);
        call->progress.set(progress, user);
    });
}
