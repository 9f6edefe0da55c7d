// What the handlers of every protocol ask of a request: its method, a body read whole, a page.
#pragma once

#include "pkgreg/http.hpp"

#include "protocol/target.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace pkgreg {

/// GET or HEAD.
inline bool reads(HttpMethod method) noexcept {
    return method == HttpMethod::get || method == HttpMethod::head;
}

/// 405 with what the path takes (RFC 9110, section 15.5.6).
HttpResponse method_not_allowed(std::string_view allowed);

/// The whole body. Throws `too_large` beyond `limit` bytes.
awaitable<std::string> read_all(BodySource& body, std::size_t limit, std::string_view what);

/// A page has at most so many entries, whatever is asked for; the rest is behind a `Link`.
inline constexpr std::size_t max_page = 1000;

/// The parameter `n`; at most, and by default, `max_page`. Throws `invalid_argument`.
std::size_t page_size(const Target& target);

/// The page behind `last` (RFC 8288, which replaced RFC 5988).
/// @param more_query parameters that the next page needs too, each with `&` in front
void add_next_link(HttpResponse& response, std::string path, std::size_t n, std::string_view last,
                   std::string_view more_query = {});

}  // namespace pkgreg
