// RepositoryLocks: one lock per repository in use, so that what takes things out of a repository
// does not run beside what relies on them. It covers this process; races with other instances are
// settled by looking again after each write.
#pragma once

#include "pkgreg/names.hpp"

#include "base/suspend.hpp"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace pkgreg {

class RepositoryLocks {
 public:
    using Guard = AsyncSharedMutex::Guard;

    /// For those who add: manifests are pushed side by side.
    awaitable<Guard> lock_to_add(const RepositoryName& name) {
        const auto mutex = mutex_of(name);
        co_return co_await mutex->lock_shared();
    }
    /// For those who take away: alone in the repository.
    awaitable<Guard> lock_to_remove(const RepositoryName& name) {
        const auto mutex = mutex_of(name);
        co_return co_await mutex->lock_exclusive();
    }

 private:
    struct Shard {
        std::mutex mutex;
        std::unordered_map<std::string, std::weak_ptr<AsyncSharedMutex>> locks;
        std::size_t sweep_at = 64;
    };

    std::shared_ptr<AsyncSharedMutex> mutex_of(const RepositoryName& name) {
        Shard& shard = shards_[std::hash<RepositoryName>{}(name) % shards_.size()];
        const std::lock_guard lock(shard.mutex);
        auto& slot = shard.locks[name.str()];
        auto mutex = slot.lock();
        if (!mutex) {
            mutex = std::make_shared<AsyncSharedMutex>();
            slot = mutex;
        }
        if (shard.locks.size() >= shard.sweep_at) {
            std::erase_if(shard.locks, [](const auto& entry) { return entry.second.expired(); });
            shard.sweep_at = 64 + 2 * shard.locks.size();
        }
        return mutex;
    }

    std::array<Shard, 16> shards_;
};

}  // namespace pkgreg
