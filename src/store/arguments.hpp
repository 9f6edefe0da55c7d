// What every store checks of its arguments in the same way, so that a mistake is found with the
// store that is at hand and not with the next one.
#pragma once

#include "pkgreg/error.hpp"
#include "pkgreg/object_key.hpp"
#include "pkgreg/object_store.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// `ObjectStore::get` gives no object larger than this: the largest manifest that a registry takes,
/// and room.
inline constexpr std::uint64_t max_small_object = std::uint64_t{8} << 20;
inline constexpr std::size_t max_list_page = 1000;

inline void check_list_arguments(std::string_view prefix, std::size_t limit) {
    if (!ObjectKey::is_valid_prefix(prefix)) {
        throw Error(ErrorCode::invalid_argument,
                    "'" + std::string(prefix) + "' is not the start of an object key");
    }
    if (limit == 0 || limit > max_list_page) {
        throw Error(ErrorCode::invalid_argument, "a listing gives 1 to " +
                                                     std::to_string(max_list_page) +
                                                     " keys at once, not " + std::to_string(limit));
    }
}

inline void check_small_object(const ObjectKey& key, std::uint64_t size) {
    if (size <= max_small_object) return;
    throw Error(ErrorCode::too_large, "the object " + key.str() + " has " + std::to_string(size) +
                                          " bytes, too many to be read at once; open it instead");
}

/// Throws unless the conditions of a put hold for the object that is there now.
inline void check_conditions(const ObjectKey& key, const PutOptions& options, bool exists,
                             std::string_view etag) {
    if (options.if_absent() && exists) {
        throw Error(ErrorCode::precondition_failed, "there is an object " + key.str() + " already");
    }
    if (!options.if_match().empty() && (!exists || options.if_match() != etag)) {
        throw Error(ErrorCode::precondition_failed,
                    "the object " + key.str() + " was changed or removed by another write");
    }
}

/// Throws unless an upload may be published under `key`.
inline void check_upload(bool of_this_store, const std::optional<ObjectKey>& announced,
                         const ObjectKey& key) {
    if (!of_this_store) {
        throw Error(ErrorCode::invalid_argument,
                    "the upload for " + key.str() + " was begun in another store");
    }
    if (announced && *announced != key) {
        throw Error(ErrorCode::invalid_argument, "the upload was begun as " + announced->str() +
                                                     " and cannot become " + key.str());
    }
}

}  // namespace pkgreg
