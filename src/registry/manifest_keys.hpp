// ManifestKeys: under which key a manifest was found. A key is written once, so whoever gets an
// object by it has the manifest; only where it is gone has the prefix to be listed again.
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_key.hpp"

#include "registry/layout.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace pkgreg {

/// One repository for each digest: the one that was asked last. Any thread.
class ManifestKeys {
 public:
    /// A key that the manifest had in this repository, or null.
    std::shared_ptr<const ObjectKey> find(const RepositoryName& repository,
                                          const Digest& digest) const {
        std::shared_ptr<const ObjectKey> key;
        {
            const std::lock_guard lock(mutex_);
            const auto found = keys_.find(digest);
            if (found != keys_.end()) key = found->second;
        }
        if (key && !layout::is_manifest_key_of(key->view(), repository)) key = nullptr;
        return key;
    }

    void insert(const Digest& digest, const ObjectKey& key) {
        auto entry = std::make_shared<const ObjectKey>(key);
        const std::lock_guard lock(mutex_);
        if (keys_.size() >= max_keys) keys_.clear();
        keys_.insert_or_assign(digest, std::move(entry));
    }

 private:
    /// About 5 MiB, when all are in use.
    static constexpr std::size_t max_keys = std::size_t{1} << 14;

    mutable std::mutex mutex_;
    std::unordered_map<Digest, std::shared_ptr<const ObjectKey>> keys_;
};

}  // namespace pkgreg
