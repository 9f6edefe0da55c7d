#include "cli/build/content_pool.hpp"

#include "pkgreg/error.hpp"

#include <utility>

namespace pkgreg::cli {

bool ContentPool::claim(const Digest& digest) {
    const std::lock_guard lock(mutex_);
    return claimed_.insert(digest).second;
}

void ContentPool::add(StoredContent content) {
    const std::lock_guard lock(mutex_);
    const Digest digest = content.digest;
    content_.emplace(digest, std::move(content));
}

ByteReader ContentPool::reader(const Digest& digest) const {
    const std::lock_guard lock(mutex_);
    const auto found = content_.find(digest);
    if (found == content_.end()) {
        throw Error(ErrorCode::internal, digest.to_string() + " was not fetched");
    }
    // A map's elements stay where they are.
    return [&content = found->second, offset = std::uint64_t{0}](std::span<char> into) mutable {
        const std::size_t n = content.read(into, offset);
        offset += n;
        return n;
    };
}

}  // namespace pkgreg::cli
