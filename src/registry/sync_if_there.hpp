// Makes an object durable that another writer, or an earlier try, has made.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/object_store.hpp"

namespace pkgreg {

/// False when it was removed since it was seen.
inline awaitable<bool> sync_if_there(ObjectStore& store, const ObjectKey& key) {
    try {
        co_await store.sync(key);
        co_return true;
    } catch (const Error& error) {
        if (error.code() != ErrorCode::not_found) throw;
    }
    co_return false;
}

}  // namespace pkgreg
