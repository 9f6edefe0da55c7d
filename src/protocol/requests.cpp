#include "protocol/requests.hpp"

#include "protocol/responses.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <system_error>

namespace pkgreg {

HttpResponse method_not_allowed(std::string_view allowed) {
    HttpResponse response = error_response(
        Error(ErrorCode::unsupported, "this path takes only " + std::string(allowed)));
    response.header("Allow", allowed);
    return response;
}

awaitable<std::string> read_all(BodySource& body, std::size_t limit, std::string_view what) {
    const auto too_large = [&] {
        return Error(ErrorCode::too_large, "the " + std::string(what) + " is larger than " +
                                               std::to_string(limit) + " bytes");
    };
    if (body.length().value_or(0) > limit) throw too_large();
    std::string text;
    std::size_t size = 0;
    text.resize(body.length() ? static_cast<std::size_t>(*body.length()) : 16384);
    while (true) {
        if (size == text.size()) {
            if (body.length() == size) break;
            text.resize(std::min(2 * size + 4096, limit + 1));
        }
        const std::size_t n =
            co_await body.read(std::as_writable_bytes(std::span(text).subspan(size)));
        if (n == 0) break;
        size += n;
        if (size > limit) throw too_large();
    }
    text.resize(size);
    co_return text;
}

std::size_t page_size(const Target& target) {
    const auto text = target.query("n");
    if (!text) return max_page;
    std::size_t n = 0;
    const char* const end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, n);
    if (error == std::errc::result_out_of_range && rest == end) return max_page;
    if (error != std::errc() || rest != end) {
        throw Error(ErrorCode::invalid_argument,
                    "n='" + std::string(*text) + "': must be a number, 0 or more");
    }
    return std::min(n, max_page);
}

void add_next_link(HttpResponse& response, std::string path, std::size_t n, std::string_view last,
                   std::string_view more_query) {
    path.append("?n=").append(std::to_string(n)).append("&last=").append(percent_encode(last));
    path.append(more_query);
    response.header("Link", "<" + path + ">; rel=\"next\"");
}

}  // namespace pkgreg
