// RegistryTable: what a `pkgreg_registry *` stands for. The pointer is a key, never dereferenced,
// so it can be used while, and after, the registry is closed on another thread. A look-up takes no
// lock: one atomic addition counts the call, which tells at the same time whether the registry is
// open.
#pragma once

#include "fork.hpp"
#include "pkgreg.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pkgreg::capi {

class Core;

class RegistryTable {
 public:
    /// A place for a registry. It is never freed, but used again: a key names place and generation.
    class Slot;

    /// Makes a registry reachable. Throws `too_many_requests` when the table is full.
    static pkgreg_registry* insert(std::unique_ptr<Core> core);

    /// Refuses calls from now on; null where the key's registry is closed, or being closed.
    static Slot* begin_close(pkgreg_registry* key) noexcept;
    static Core& core_of(Slot& slot) noexcept;
    /// Returns when no call runs any more.
    static void wait_for_calls(Slot& slot);
    /// Gives the registry back and the place free.
    static std::unique_ptr<Core> remove(Slot& slot);

    // Around a fork.
    static void lock_for_fork();
    static void unlock_after_fork();
    static void renew_after_fork();

 private:
    friend class Call;
    static Slot* find(pkgreg_registry* key) noexcept;
};

/// A call on a registry: as long as it lives, closing waits. Calls of one thread end in the reverse
/// order of their beginning.
class Call {
 public:
    /// Throws `closed`, `forked`, or `invalid_argument` for a null pointer.
    explicit Call(pkgreg_registry* key);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    Core& core() const noexcept { return *core_; }
    Core* operator->() const noexcept { return core_; }

    /// Whether the calling thread is inside a call on that registry.
    static bool runs_on_this_thread(pkgreg_registry* key) noexcept;

 private:
    RegistryTable::Slot* slot_;
    Core* core_;
    const Call* outer_;
};

}  // namespace pkgreg::capi
