#include "registry_table.hpp"

#include "pkgreg/error.hpp"

#include "arguments.hpp"
#include "core.hpp"

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace pkgreg::capi {

/// A cache line for each, so that registries do not slow each other down.
class alignas(64) RegistryTable::Slot {
 public:
    // From the highest bit: generation (32), open, closing, how many calls run (30).
    static constexpr std::uint64_t open = std::uint64_t{1} << 31;
    static constexpr std::uint64_t closing = std::uint64_t{1} << 30;
    static constexpr std::uint64_t calls = closing - 1;
    static constexpr unsigned generation_shift = 32;

    std::atomic<std::uint64_t> state{0};
    // Set before the slot is open and fixed until it is no more.
    Core* core = nullptr;
    std::uint32_t epoch = 0;
    std::uint32_t index = 0;
};

namespace {

using Slot = RegistryTable::Slot;

constexpr std::size_t chunk_size = 64;
constexpr std::size_t max_chunks = 1024;
constexpr unsigned index_bits = 16;
static_assert(chunk_size * max_chunks == std::size_t{1} << index_bits);

// A key is odd, which no object's address is: 1, index, generation.
constexpr unsigned generation_at = index_bits + 1;
constexpr std::uint64_t generation_mask =
    sizeof(std::uintptr_t) > 4 ? 0xffffffff : UINTPTR_MAX >> generation_at;

std::array<std::atomic<Slot*>, max_chunks> chunks{};

/// What only opening and closing need. Never destroyed: a registry may be closed by the destructor
/// of another static object.
struct Shared {
    std::mutex mutex;
    std::vector<std::uint32_t> free;
    std::uint32_t used = 0;
    std::condition_variable call_ended;
};

Shared& shared() noexcept {
    alignas(Shared) static unsigned char room[sizeof(Shared)];
    static Shared* const instance = new (room) Shared;
    return *instance;
}

std::uint64_t generation_of(std::uint64_t state) noexcept {
    return state >> Slot::generation_shift & generation_mask;
}

std::uint64_t generation_of(pkgreg_registry* key) noexcept {
    return reinterpret_cast<std::uintptr_t>(key) >> generation_at & generation_mask;
}

Slot* slot_at(std::size_t index) noexcept {
    Slot* const chunk = chunks[index / chunk_size].load(std::memory_order_acquire);
    return chunk ? chunk + index % chunk_size : nullptr;
}

/// A place that no registry has.
Slot& take_slot_locked(Shared& table) {
    if (!table.free.empty()) {
        Slot& slot = *slot_at(table.free.back());
        table.free.pop_back();
        return slot;
    }
    if (table.used == chunk_size * max_chunks) {
        throw Error(ErrorCode::too_many_requests,
                    "65,536 registries are open in this process; close some of them first");
    }
    const std::uint32_t index = table.used;
    if (index % chunk_size == 0) {
        // Room to give every place back without memory.
        table.free.reserve(index + chunk_size);
        chunks[index / chunk_size].store(new Slot[chunk_size], std::memory_order_release);
    }
    ++table.used;
    Slot& slot = *slot_at(index);
    slot.index = index;
    return slot;
}

void end_call(Slot& slot) noexcept {
    const std::uint64_t before = slot.state.fetch_sub(1);
    if (!(before & Slot::closing) || (before & Slot::calls) != 1) return;
    Shared& table = shared();
    const std::lock_guard lock(table.mutex);
    table.call_ended.notify_all();
}

thread_local const Call* innermost_call = nullptr;

}  // namespace

RegistryTable::Slot* RegistryTable::find(pkgreg_registry* key) noexcept {
    const auto value = reinterpret_cast<std::uintptr_t>(key);
    if (!(value & 1)) return nullptr;
    return slot_at(value >> 1 & (chunk_size * max_chunks - 1));
}

pkgreg_registry* RegistryTable::insert(std::unique_ptr<Core> core) {
    Shared& table = shared();
    const std::lock_guard lock(table.mutex);
    Slot& slot = take_slot_locked(table);
    slot.core = core.release();
    slot.epoch = fork_epoch();
    // A late caller of an earlier registry may be counted at this moment, so its part of the number
    // is left alone.
    std::uint64_t state = slot.state.load();
    std::uint64_t next = 0;
    do {
        const std::uint64_t generation = (generation_of(state) + 1) & generation_mask;
        next = generation << Slot::generation_shift | Slot::open | (state & Slot::calls);
    } while (!slot.state.compare_exchange_weak(state, next));
    const std::uint64_t key =
        generation_of(next) << generation_at | std::uint64_t{slot.index} << 1 | 1;
    return reinterpret_cast<pkgreg_registry*>(static_cast<std::uintptr_t>(key));
}

RegistryTable::Slot* RegistryTable::begin_close(pkgreg_registry* key) noexcept {
    Slot* const slot = find(key);
    if (!slot) return nullptr;
    std::uint64_t state = slot->state.load();
    do {
        const bool is_open = (state & Slot::open) && !(state & Slot::closing);
        if (!is_open || generation_of(state) != generation_of(key)) return nullptr;
    } while (!slot->state.compare_exchange_weak(state, state | Slot::closing));
    return slot;
}

Core& RegistryTable::core_of(Slot& slot) noexcept {
    return *slot.core;
}

void RegistryTable::wait_for_calls(Slot& slot) {
    Shared& table = shared();
    std::unique_lock lock(table.mutex);
    table.call_ended.wait(lock, [&] { return (slot.state.load() & Slot::calls) == 0; });
}

std::unique_ptr<Core> RegistryTable::remove(Slot& slot) {
    Shared& table = shared();
    const std::lock_guard lock(table.mutex);
    std::unique_ptr<Core> core(std::exchange(slot.core, nullptr));
    slot.state.fetch_and(~(Slot::open | Slot::closing));
    table.free.push_back(slot.index);
    return core;
}

void RegistryTable::lock_for_fork() {
    shared().mutex.lock();
}

void RegistryTable::unlock_after_fork() {
    shared().mutex.unlock();
}

void RegistryTable::renew_after_fork() {
    // Threads that waited stayed in the parent; what the old one remembers of them would be waited
    // for here.
    new (&shared().call_ended) std::condition_variable;
    shared().mutex.unlock();
}

Call::Call(pkgreg_registry* key) {
    if (!key) throw_missing("registry");
    Slot* const slot = RegistryTable::find(key);
    if (!slot) throw_invalid_argument("'registry' is nothing that pkgreg_open returned");
    const std::uint64_t state = slot->state.fetch_add(1);
    const bool same = (state & Slot::open) && generation_of(state) == generation_of(key);
    if (same && !(state & Slot::closing) && !made_before_fork(slot->epoch)) {
        slot_ = slot;
        core_ = slot->core;
        outer_ = std::exchange(innermost_call, this);
        return;
    }
    const bool forked = same && made_before_fork(slot->epoch);
    end_call(*slot);
    if (forked) throw_forked();
    throw Error(ErrorCode::closed, "the registry was closed");
}

Call::~Call() {
    innermost_call = outer_;
    end_call(*slot_);
}

bool Call::runs_on_this_thread(pkgreg_registry* key) noexcept {
    const Slot* const slot = RegistryTable::find(key);
    for (const Call* call = innermost_call; call; call = call->outer_) {
        if (call->slot_ == slot) return true;
    }
    return false;
}

}  // namespace pkgreg::capi
