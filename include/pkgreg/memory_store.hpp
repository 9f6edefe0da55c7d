// The store that keeps everything in the process's memory: for tests and for embedding.
#pragma once

#include "pkgreg/object_store.hpp"

#include <memory>

namespace pkgreg {

/// An empty store in memory. Starts no thread, never suspends; content is gone with the last
/// reference. Readers of a removed object keep its bytes alive.
std::shared_ptr<ObjectStore> make_memory_store();

}  // namespace pkgreg
