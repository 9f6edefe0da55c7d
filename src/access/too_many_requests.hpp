// TooManyRequests: an error that says when to come back.
#pragma once

#include "pkgreg/error.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace pkgreg::access {

/// Answered 429 with `Retry-After` (RFC 6585, section 4).
class TooManyRequests : public Error {
 public:
    TooManyRequests(std::string message, std::chrono::seconds retry_after)
        : Error(ErrorCode::too_many_requests, std::move(message)), retry_after_(retry_after) {}

    std::chrono::seconds retry_after() const noexcept { return retry_after_; }

 private:
    std::chrono::seconds retry_after_;
};

}  // namespace pkgreg::access
