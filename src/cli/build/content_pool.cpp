#include "cli/build/content_pool.hpp"

#include "pkgreg/error.hpp"

#include <memory>
#include <utility>

namespace pkgreg::cli {

bool ContentPool::claim(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    return claimed_.insert(digest).second;
}

void ContentPool::add(StoredContent content) {
    const auto shared = std::make_shared<const StoredContent>(std::move(content));
    add(shared->digest, [shared] {
        return [shared, offset = std::uint64_t{0}](std::span<char> into) mutable {
            const std::size_t n = shared->read(into, offset);
            offset += n;
            return n;
        };
    });
}

void ContentPool::add(const Digest& digest, Opener opener) {
    const std::lock_guard lock(mutex_);
    content_.emplace(digest, std::move(opener));
}

ByteReader ContentPool::reader(const Digest& digest) const {
    const std::lock_guard lock(mutex_);
    const auto found = content_.find(digest);
    if (found == content_.end()) {
        throw Error(ErrorCode::internal, digest.to_string() + " was not fetched");
    }
    return found->second();
}

}  // namespace pkgreg::cli
