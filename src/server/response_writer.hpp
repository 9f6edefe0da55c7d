// Responses on the wire: the head, and bodies from memory, from files and from readers.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/http.hpp"
#include "pkgreg/work_pool.hpp"

#include "server/channel.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pkgreg {

/// What the response does not know of itself.
struct ResponseContext {
    HttpMethod method = HttpMethod::get;
    bool http_1_1 = true;
    bool keep_alive = true;
    /// Returned as `X-Request-Id`, unless empty.
    std::string_view request_id;
};

/// What became of a response.
struct SendResult {
    std::uint64_t body_bytes = 0;
    bool complete = false;
    /// Why the body could not be read to its end; empty where the peer went or was too slow.
    std::string failure = {};
};

/// Sends a response. A body that cannot be read to its end is cut short: then the connection must
/// be closed, so that the client sees that bytes are missing. Throws only while nothing has been
/// sent.
///
/// @param pool reads what is not in the page cache
awaitable<SendResult> send_response(Channel& channel, HttpResponse& response,
                                    ResponseContext context, WorkPool& pool);

/// An error that the server answers on its own, in the form of the OCI distribution specification.
/// `message` needs no escapes in JSON.
HttpResponse error_response(unsigned status, std::string_view message);

}  // namespace pkgreg
