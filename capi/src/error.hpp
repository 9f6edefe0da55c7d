// Errors at the border: no exception crosses it. Every entry runs inside `guard`, which makes a
// code and a pkgreg_error of whatever is thrown.
#pragma once

#include "pkgreg/error.hpp"

#include "pkgreg.h"

#include <cstdint>
#include <string>

struct pkgreg_error {
    std::int32_t code;
    std::int32_t http_status;
    std::string message;
    std::string detail;
};

namespace pkgreg::capi {

/// Reports the exception that is being handled: gives `*error` (where `error` is not null) and
/// returns the code. Where even that finds no memory, both say so.
std::int32_t report_current_exception(pkgreg_error** error) noexcept;

/// Runs `call`; what it throws becomes the result and `*error`.
template <class Call>
std::int32_t guard(pkgreg_error** error, Call&& call) noexcept {
    if (error) *error = nullptr;
    try {
        call();
        return PKGREG_OK;
    } catch (...) {
        return report_current_exception(error);
    }
}

}  // namespace pkgreg::capi
