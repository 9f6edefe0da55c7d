// CallerCache: who was proved a short while ago, by which proof. Bounded, whatever comes in.
#pragma once

#include "access/caller.hpp"
#include "access/proof_hash.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace pkgreg::access {

/// Any thread may call every member. Times are seconds of a clock that its user chooses.
class CallerCache {
 public:
    /// @param limit how many callers are kept, about
    explicit CallerCache(std::size_t limit = 8192)
        : shard_limit_(limit / (2 * shards_.size()) + 1) {}

    /// The caller of a proof; null: not known, or not any more.
    /// @param basis what the proof was judged by, such as a set of keys; a caller that was proved
    /// by
    ///              something else is not known
    CallerPtr find(const ProofKey& key, const std::shared_ptr<const void>& basis,
                   std::int64_t now) {
        Shard& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        auto found = shard.young.find(key);
        if (found == shard.young.end()) {
            const auto old = shard.old.find(key);
            if (old == shard.old.end()) return nullptr;
            Known known = std::move(old->second);
            shard.old.erase(old);
            found = add(shard, key, std::move(known));
        }
        const Known& known = found->second;
        if (known.expires > now && (!known.basis || known.basis == basis)) return known.caller;
        shard.young.erase(found);
        return nullptr;
    }

    /// Remembers a caller until `expires`. Without a `basis` nothing else ends it.
    void put(const ProofKey& key, std::shared_ptr<const void> basis, CallerPtr caller,
             std::int64_t expires) {
        Shard& shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        shard.old.erase(key);
        add(shard, key, {std::move(caller), std::move(basis), expires});
    }

    std::size_t size() const {
        std::size_t size = 0;
        for (const Shard& shard : shards_) {
            const std::lock_guard lock(shard.mutex);
            size += shard.young.size() + shard.old.size();
        }
        return size;
    }

 private:
    struct Known {
        CallerPtr caller;
        std::shared_ptr<const void> basis;
        std::int64_t expires = 0;
    };
    using Table = std::unordered_map<ProofKey, Known, ProofKeyHash>;

    /// Two generations: what is used moves to the young one; once that is full, what is in the old
    /// one was not used for long and goes.
    struct Shard {
        mutable std::mutex mutex;
        Table young;
        Table old;
    };

    Shard& shard_of(const ProofKey& key) noexcept { return shards_[key[0] % shards_.size()]; }

    Table::iterator add(Shard& shard, const ProofKey& key, Known known) {
        if (shard.young.size() >= shard_limit_) {
            shard.old = std::move(shard.young);
            shard.young.clear();
        }
        return shard.young.insert_or_assign(key, std::move(known)).first;
    }

    std::array<Shard, 16> shards_;
    const std::size_t shard_limit_;
};

}  // namespace pkgreg::access
