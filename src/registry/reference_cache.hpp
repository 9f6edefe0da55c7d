// ReferenceCache: what each manifest refers to. A manifest's digest fixes its bytes, so an entry is
// true for ever and in every repository; only whether the manifest is there has to be looked up.
#pragma once

#include "pkgreg/digest.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pkgreg {

/// Keeps eight bytes per reference, so an answer is "no" or "perhaps"; who gets "perhaps" reads the
/// manifest. Any thread.
class ReferenceCache {
 public:
    /// False when the manifest surely does not refer to `target`; nothing when it is not known.
    std::optional<bool> may_refer(const Digest& manifest, const Digest& target) const {
        const std::lock_guard lock(mutex_);
        const auto found = references_.find(manifest);
        if (found == references_.end()) return std::nullopt;
        return std::binary_search(found->second.begin(), found->second.end(), mark(target));
    }

    void insert(const Digest& manifest, const std::vector<Digest>& targets) {
        std::vector<std::uint64_t> marks;
        marks.reserve(targets.size());
        for (const Digest& target : targets) marks.push_back(mark(target));
        std::sort(marks.begin(), marks.end());
        const std::lock_guard lock(mutex_);
        if (size_ > max_size) {
            references_.clear();
            size_ = 0;
        }
        const auto [entry, inserted] = references_.try_emplace(manifest, std::move(marks));
        if (inserted) size_ += entry->second.size() + 16;
    }

 private:
    /// In marks; an entry counts as 16 beside its own. About 2 MiB.
    static constexpr std::size_t max_size = std::size_t{1} << 18;

    static std::uint64_t mark(const Digest& digest) noexcept {
        std::uint64_t value;
        std::memcpy(&value, digest.hash().data(), sizeof value);
        return value;
    }

    mutable std::mutex mutex_;
    std::unordered_map<Digest, std::vector<std::uint64_t>> references_;
    std::size_t size_ = 0;
};

}  // namespace pkgreg
