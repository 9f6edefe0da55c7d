// What a C caller passes: texts with a length, places for results, structs that begin with their
// size. Each is checked here, and what is wrong is thrown as `invalid_argument` with its name.
#pragma once

#include "pkgreg/digest.hpp"
#include "pkgreg/error.hpp"

#include "pkgreg.h"

#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::capi {

[[noreturn]] void throw_invalid_argument(const std::string& message);
[[noreturn]] void throw_missing(const char* name);

/// A text that may be left out.
inline std::optional<std::string_view> optional_text(const char* data, std::size_t length) {
    if (!data) return std::nullopt;
    return std::string_view(data, length == PKGREG_NUL ? std::strlen(data) : length);
}

/// A text that must be given.
inline std::string_view required_text(const char* data, std::size_t length, const char* name) {
    if (!data) throw_missing(name);
    return *optional_text(data, length);
}

/// Bytes that must be there when there are any.
inline std::string_view required_bytes(const void* bytes, std::size_t size, const char* name) {
    if (!bytes && size != 0) throw_missing(name);
    return {static_cast<const char*>(bytes), size};
}

template <class T>
T& required(T* pointer, const char* name) {
    if (!pointer) throw_missing(name);
    return *pointer;
}

/// The place of a handle that is to be returned; it is null until there is one.
template <class T>
T*& result(T** place, const char* name) {
    T*& handle = required(place, name);
    handle = nullptr;
    return handle;
}

/// For the functions that return no code: a handle that is to be returned is null on failure.
template <class T>
void clear(T** place) noexcept {
    if (place) *place = nullptr;
}

/// Whether a struct has at least the size that it had in the first version.
void require_size(std::size_t given, std::size_t first_version, const char* name);

/// Writes `algorithm:hex` and a NUL into PKGREG_DIGEST_SIZE bytes; null: nowhere.
void write_digest(char* into, const Digest& digest);

/// Where the size goes, when it is asked for.
inline void tell_size(std::size_t* place, std::size_t size) noexcept {
    if (place) *place = size;
}

/// `n` of a list. Throws `invalid_argument` unless it is 1 to 1,000.
std::size_t page_limit(std::size_t limit);

}  // namespace pkgreg::capi
