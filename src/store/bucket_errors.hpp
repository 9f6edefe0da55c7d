// What an error of the bucket's means to whoever uses the store. Keys, permissions and the bucket's
// name are the operator's: a client that is told "denied" or "not found" would look for the fault
// in its own credentials, or believe that the content is not there.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/error.hpp"

#include <utility>

namespace pkgreg {

inline ErrorCode storage_code(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::denied:
        case ErrorCode::unauthorized:
        case ErrorCode::not_found:
        case ErrorCode::unsupported:
        case ErrorCode::invalid_argument: return ErrorCode::io;
        case ErrorCode::timeout:
        case ErrorCode::cancelled: return ErrorCode::unavailable;
        default: return code;
    }
}

/// Awaits a call of the bucket's; throws what it throws as an error of the storage.
template <class T>
awaitable<T> as_storage(awaitable<T> call) {
    try {
        co_return co_await std::move(call);
    } catch (const Error& error) {
        throw Error(storage_code(error.code()), error.message(), error.detail());
    }
}

}  // namespace pkgreg
