// The errors of system calls as `Error`: what was tried, on which path, and what the system said.
#pragma once

#include "pkgreg/error.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace pkgreg {

/// Throws for `error`, a value of `errno`: "cannot rename /srv/r/a: No space left on device".
[[noreturn]] inline void throw_system_error(int error, std::string_view what,
                                            std::string_view path) {
    std::string message("cannot ");
    message.append(what).append(" ").append(path).append(": ");
    message.append(std::generic_category().message(error));
    const bool full = error == ENOSPC || error == EDQUOT;
    throw Error(full ? ErrorCode::no_space : ErrorCode::io, std::move(message));
}

}  // namespace pkgreg
