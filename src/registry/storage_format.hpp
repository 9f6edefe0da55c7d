// The storage's version: which programs may read it and which may write to it.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/object_store.hpp"

namespace pkgreg {

/// Checks the version of a storage, or writes it into an empty one (unless `read_only`). Throws
/// `incompatible`.
awaitable<void> check_storage_format(ObjectStore& store, bool read_only);

}  // namespace pkgreg
