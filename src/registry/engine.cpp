#include "registry/engine.hpp"

#include "registry/late_store.hpp"
#include "registry/layout.hpp"
#include "registry/storage_format.hpp"
#include "registry/sync_if_there.hpp"

#include <utility>

namespace pkgreg {

awaitable<std::shared_ptr<Registry>> Registry::open(std::shared_ptr<ObjectStore> store,
                                                    RegistryOptions options) {
    if (options.may_open_late) {
        store = co_await open_late(std::move(store), options);
    } else {
        co_await check_storage_format(*store, options.read_only);
    }
    co_return std::make_shared<Engine>(std::move(store), std::move(options));
}

Reference parse_reference(std::string_view text) {
    if (text.find(':') != std::string_view::npos) return Digest::parse(text);
    return Tag::parse(text);
}

Engine::Engine(std::shared_ptr<ObjectStore> store, RegistryOptions options)
    : store_(std::move(store)),
      options_(std::move(options)),
      blobs_(store_),
      uploads_(*store_, blobs_, options_),
      tags_(store_),
      packages_(*this) {}

void Engine::require_writable() const {
    if (options_.read_only) {
        throw Error(ErrorCode::read_only,
                    "this registry is read-only; push to the one it is a copy "
                    "of, or start it without --read-only");
    }
}

void Engine::require_deletion() const {
    if (!options_.deletion) {
        throw Error(ErrorCode::unsupported, "deletion is switched off in this registry");
    }
    require_writable();
}

awaitable<std::optional<ObjectKey>> Engine::find_key(const std::string& prefix) {
    ListPage page = co_await store_->list(prefix, "", 1);
    if (page.keys.empty()) co_return std::nullopt;
    co_return ObjectKey(std::move(page.keys.front()));
}

awaitable<std::optional<ObjectKey>> Engine::ensure_object(const std::string& prefix,
                                                          std::string_view bytes) {
    const auto known = co_await find_key(prefix);
    bool there = false;
    if (known) there = co_await sync_if_there(*store_, *known);
    if (there) co_return std::nullopt;
    ObjectKey key = layout::new_key(prefix);
    co_await store_->put(key, bytes);
    co_return key;
}

awaitable<bool> Engine::remove_all(const std::string& prefix) {
    bool removed = false;
    std::string last;
    while (true) {
        const ListPage page = co_await store_->list(prefix, last, 1000);
        for (const std::string& name : page.keys) {
            const ObjectKey key(name);
            const bool there = co_await store_->remove(key);
            removed = removed || there;
        }
        if (!page.more) co_return removed;
        last = page.keys.back();
    }
}

}  // namespace pkgreg
