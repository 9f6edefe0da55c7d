// Visit: what is known of one request besides its answer, for whoever keeps count and record.
#pragma once

#include "access/caller.hpp"
#include "access/request_limiter.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

struct Visit {
    /// Null: nobody was asked, or what the request brought proved nothing.
    access::CallerPtr caller = nullptr;
    /// Counts the request until its answer has been sent.
    access::RequestLimiter::Turn turn = {};
    /// Whom it was counted for; nothing: nobody.
    std::optional<access::RequestLimiter::Who> counted_for = {};
    /// Of an error that was answered: its code and its message.
    std::string_view error = {};
    std::string reason = {};
};

}  // namespace pkgreg
