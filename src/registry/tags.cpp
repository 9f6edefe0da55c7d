#include "registry/tags.hpp"

#include "pkgreg/error.hpp"

#include "registry/layout.hpp"
#include "registry/page_size.hpp"
#include "registry/sync_if_there.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {
namespace {

/// A tag has more objects than one only while it moves, or after an instance ended while it did.
constexpr std::size_t usual_versions = 8;
/// Looks for a tag that moves each time before its object can be read.
constexpr int max_looks = 100;

std::optional<Digest> digest_of_text(std::string_view text) {
    return Digest::try_parse(text.substr(0, text.find_last_not_of('\n') + 1));
}

[[noreturn]] void damaged(std::string_view key) {
    throw Error(ErrorCode::corrupt,
                "the stored tag " + std::string(key) + " is damaged; push the tag again");
}

}  // namespace

/// Goes through a repository's tags, one after the other.
class Tags::Walk {
 public:
    /// @param after key behind which it begins
    Walk(ObjectStore& store, std::string root, std::string after, std::size_t page_size)
        : store_(store), root_(std::move(root)), after_(std::move(after)), page_size_(page_size) {}

    /// The next tag's keys; empty at the end.
    awaitable<Versions> next() {
        Versions found;
        while (true) {
            for (; at_ < page_.keys.size(); ++at_) {
                std::string& key = page_.keys[at_];
                if (!found.empty() && tag_of(key) != tag_of(found.back())) co_return found;
                found.push_back(std::move(key));
            }
            if (ended_) co_return found;
            page_ = co_await store_.list(root_, after_, page_size_);
            at_ = 0;
            ended_ = !page_.more;
            if (!page_.keys.empty()) after_ = page_.keys.back();
        }
    }

    std::string_view tag_of(std::string_view key) const noexcept {
        return layout::tag_of_key(key.substr(root_.size()));
    }

 private:
    ObjectStore& store_;
    const std::string root_;
    std::string after_;
    const std::size_t page_size_;
    ListPage page_;
    std::size_t at_ = 0;
    bool ended_ = false;
};

Tags::Tags(std::shared_ptr<ObjectStore> store) : store_(std::move(store)) {}

awaitable<Tags::Versions> Tags::versions(const std::string& root, const Tag& tag) {
    const std::string prefix = root + tag.str();
    Versions found;
    std::string after;
    while (true) {
        ListPage page = co_await store_->list(prefix, after, usual_versions);
        for (std::string& key : page.keys) {
            // Longer tags sort behind.
            const std::string_view rest = std::string_view(key).substr(root.size());
            if (layout::tag_of_key(rest) != tag.view()) co_return found;
            found.push_back(std::move(key));
        }
        if (!page.more || found.empty()) co_return found;
        after = found.back();
    }
}

const std::string& Tags::current(const Versions& versions) const {
    // The plain key is the oldest, and sorts first. An only writer that moves a tag away from it
    // has not told anybody while it is there; where others write, nobody writes it any more.
    const bool plain = versions.front().find('+') == std::string::npos;
    return exclusive() && plain ? versions.front() : versions.back();
}

/// Nothing when the object is gone.
awaitable<std::optional<Digest>> Tags::target(const std::string& key) {
    if (const auto digest = layout::digest_of_tag_key(key)) co_return digest;
    const ObjectKey object(key);
    const auto text = co_await store_->get(object);
    if (!text) co_return std::nullopt;
    auto digest = digest_of_text(*text);
    if (!digest) damaged(key);
    co_return digest;
}

awaitable<std::optional<Digest>> Tags::find(const RepositoryName& repository, const Tag& tag) {
    if (exclusive()) {
        const ObjectKey key = layout::tag_key(repository, tag);
        const auto text = co_await store_->get(key);
        if (text) {
            auto digest = digest_of_text(*text);
            if (!digest) damaged(key.str());
            co_return digest;
        }
    }
    const std::string root = layout::tags_root(repository);
    for (int looks = 0; looks < max_looks; ++looks) {
        const Versions there = co_await versions(root, tag);
        if (there.empty()) break;
        const auto digest = co_await target(current(there));
        if (digest) co_return digest;
    }
    co_return std::nullopt;
}

awaitable<void> Tags::put(const RepositoryName& repository, const Tag& tag, const Digest& digest) {
    const std::string root = layout::tags_root(repository);
    const std::string text = digest.to_string() + "\n";
    const ObjectKey plain = layout::tag_key(repository, tag);
    Versions older = co_await versions(root, tag);
    const bool only_plain = older.empty() || (older.size() == 1 && older.front() == plain.view());
    if (exclusive() && only_plain) {
        co_await store_->put(plain, text);
        co_return;
    }
    if (!older.empty()) {
        const bool same = co_await is_durable(current(older), digest);
        if (same) co_return;
    }
    const std::uint64_t order = older.empty() ? 0 : layout::order_of_tag_key(older.back());
    const ObjectKey key = layout::new_tag_key(repository, tag, order + 1, digest);
    co_await store_->put(key, text);
    for (const std::string& name : older) {
        const ObjectKey old(name);
        co_await store_->remove(old);
    }
}

/// Whether the object is there, names this manifest, and stays through a crash.
awaitable<bool> Tags::is_durable(const std::string& key, const Digest& digest) {
    const auto named = co_await target(key);
    if (named != digest) co_return false;
    const ObjectKey object(key);
    co_return co_await sync_if_there(*store_, object);
}

/// The one that counts goes last, so that none of the others comes back.
awaitable<void> Tags::remove_all(const Versions& versions) {
    const std::string& last = current(versions);
    for (const std::string& name : versions) {
        if (name == last) continue;
        const ObjectKey key(name);
        co_await store_->remove(key);
    }
    const ObjectKey key(last);
    co_await store_->remove(key);
}

awaitable<bool> Tags::remove(const RepositoryName& repository, const Tag& tag) {
    const std::string root = layout::tags_root(repository);
    const Versions there = co_await versions(root, tag);
    if (there.empty()) co_return false;
    co_await remove_all(there);
    co_return true;
}

awaitable<void> Tags::remove_those_of(const RepositoryName& repository, const Digest& digest) {
    Walk walk(*store_, layout::tags_root(repository), "", max_page);
    while (true) {
        const Versions there = co_await walk.next();
        if (there.empty()) co_return;
        const auto named = co_await target(current(there));
        if (named == digest) co_await remove_all(there);
    }
}

awaitable<NamePage> Tags::list(const RepositoryName& repository, std::string_view last,
                               std::size_t n) {
    NamePage result;
    n = std::min(n, max_page);
    if (n == 0) co_return result;
    const std::string root = layout::tags_root(repository);
    const std::string after = last.empty() ? std::string() : layout::tag_end(root, last);
    // One more than is shown tells whether there are more.
    Walk walk(*store_, root, after, std::min(n + 1, max_page));
    while (true) {
        const Versions there = co_await walk.next();
        if (there.empty()) co_return result;
        if (result.names.size() == n) {
            result.more = true;
            co_return result;
        }
        result.names.emplace_back(walk.tag_of(there.front()));
    }
}

awaitable<std::set<Digest>> Tags::targets(const RepositoryName& repository) {
    std::set<Digest> manifests;
    Walk walk(*store_, layout::tags_root(repository), "", max_page);
    while (true) {
        const Versions there = co_await walk.next();
        if (there.empty()) co_return manifests;
        const auto named = co_await target(current(there));
        if (named) manifests.insert(*named);
    }
}

}  // namespace pkgreg
