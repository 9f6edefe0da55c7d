// Tags of the engine: which manifest a tag names, on every kind of store.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/digest.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/registry.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// Where this process is the only writer, a tag is one object, which is written again when the tag
/// moves. Where others write as well, each move is an object of its own (see layout.hpp): what
/// removes a tag names the objects that it judged, so a removal that comes late cannot take along a
/// tag that has moved meanwhile.
///
/// Any thread may call; the caller holds the repository's lock where its contract asks for one.
class Tags {
 public:
    explicit Tags(std::shared_ptr<ObjectStore> store);

    /// The manifest that the tag names, or nothing. Throws `corrupt`.
    awaitable<std::optional<Digest>> find(const RepositoryName& repository, const Tag& tag);
    awaitable<void> put(const RepositoryName& repository, const Tag& tag, const Digest& digest);
    /// Whether it was there.
    awaitable<bool> remove(const RepositoryName& repository, const Tag& tag);
    /// Removes the tags that name this manifest.
    awaitable<void> remove_those_of(const RepositoryName& repository, const Digest& digest);

    /// The tags behind `last`, `n` at most, in byte order.
    awaitable<NamePage> list(const RepositoryName& repository, std::string_view last,
                             std::size_t n);
    /// All manifests that a tag names.
    awaitable<std::set<Digest>> targets(const RepositoryName& repository);

 private:
    /// Keys of one tag, in byte order: the oldest first.
    using Versions = std::vector<std::string>;
    class Walk;

    bool exclusive() const { return store_->capabilities().exclusive; }
    awaitable<Versions> versions(const std::string& root, const Tag& tag);
    /// The key that counts; there is one at least.
    const std::string& current(const Versions& versions) const;
    awaitable<std::optional<Digest>> target(const std::string& key);
    awaitable<bool> is_durable(const std::string& key, const Digest& digest);
    awaitable<void> remove_all(const Versions& versions);

    const std::shared_ptr<ObjectStore> store_;
};

}  // namespace pkgreg
