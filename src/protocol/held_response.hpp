// A response that holds something until it has been sent.
#pragma once

#include "pkgreg/http.hpp"

#include "access/request_limiter.hpp"

namespace pkgreg {

/// Lets the turn end when the response's body is destroyed, which whoever sends it does when it was
/// sent or its client is gone. How the body is sent does not change: a file stays one.
void hold_until_sent(HttpResponse& response, access::RequestLimiter::Turn turn);

}  // namespace pkgreg
