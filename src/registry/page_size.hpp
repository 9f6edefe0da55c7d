// How long a page of a list is at most.
#pragma once

#include <cstddef>

namespace pkgreg {

/// Entries, whatever `n` a client asks for; also what lists are read by from a store.
inline constexpr std::size_t max_page = 1000;

}  // namespace pkgreg
