#include "protocol/client_address.hpp"

#include "access/client_key.hpp"

#include <cstddef>

namespace pkgreg {
namespace {

std::string_view trim(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

}  // namespace

std::string_view client_address(const HttpRequest& request, const ClientNetworks& trusted) {
    std::string_view client = request.client;
    if (!trusted.contains(client)) return client;
    // Several fields are one list, in their order (RFC 9110, 5.3).
    for (std::size_t i = request.headers.size(); i-- > 0;) {
        if (!same_field_name(request.headers[i].name, "X-Forwarded-For")) continue;
        std::string_view list = request.headers[i].value;
        while (!list.empty()) {
            const std::size_t comma = list.rfind(',');
            const std::string_view told = trim(list.substr(comma == list.npos ? 0 : comma + 1));
            if (!access::is_address(told)) return client;
            client = told;
            if (!trusted.contains(client)) return client;
            list = list.substr(0, comma == list.npos ? 0 : comma);
        }
    }
    return client;
}

}  // namespace pkgreg
