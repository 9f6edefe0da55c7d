// LateStore: a store that could not be used when its registry was opened. Every call first checks
// that the storage holds a registry, until that was seen once.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/registry.hpp"

#include <memory>

namespace pkgreg {

/// Checks the version of a storage, see `check_storage_format`. Where the storage cannot be used
/// now, but may later, returns a store that does so when it is called; else the store itself.
/// Throws `incompatible` and `invalid_options`, which no waiting mends.
awaitable<std::shared_ptr<ObjectStore>> open_late(std::shared_ptr<ObjectStore> store,
                                                  const RegistryOptions& options);

}  // namespace pkgreg
