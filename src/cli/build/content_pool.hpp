// ContentPool: everything that a bundle will hold, by digest, each piece once.
#pragma once

#include "pkgreg/dcos/bundle.hpp"
#include "pkgreg/digest.hpp"

#include "cli/build/output_file.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace pkgreg::cli {

/// Any thread may call any member.
class ContentPool {
 public:
    /// Whether the caller is the first to ask for this content, and so the one to get it.
    bool claim(const Digest& digest);
    /// Gives the bytes of some content from their beginning, again and again.
    using Opener = std::function<ByteReader()>;

    /// Takes content in; a second copy is let go.
    void add(StoredContent content);
    void add(const Digest& digest, Opener opener);
    /// The bytes of some content from its beginning. Throws `internal` when it was not added.
    ByteReader reader(const Digest& digest) const;

 private:
    mutable std::mutex mutex_;
    std::set<Digest> claimed_;
    std::map<Digest, Opener> content_;
};

}  // namespace pkgreg::cli
