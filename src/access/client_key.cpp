#include "access/client_key.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace pkgreg::access {

std::string_view host_of(std::string_view address) noexcept {
    if (address.starts_with('[')) {
        const std::size_t end = address.find(']');
        if (end == address.npos) return address;
        address = address.substr(1, end - 1);
    } else if (const std::size_t colon = address.find(':');
               colon != address.npos && colon == address.rfind(':')) {
        address = address.substr(0, colon);
    }
    return address.substr(0, address.find('%'));
}

bool is_address(std::string_view text) noexcept {
    const char family = ClientKey(text).bytes().front();
    return family == '4' || family == '6';
}

ClientKey::ClientKey(std::string_view client) noexcept {
    read(client);
}

void ClientKey::read(std::string_view client) noexcept {
    if (client.starts_with("unix")) return set('u', nullptr, 0);
    const std::string_view host = host_of(client);
    std::array<char, INET6_ADDRSTRLEN + 1> text;
    if (host.size() < text.size() && host.find('\0') == host.npos) {
        std::copy(host.begin(), host.end(), text.begin());
        text[host.size()] = '\0';
        in_addr v4{};
        if (::inet_pton(AF_INET, text.data(), &v4) == 1) return set('4', &v4, sizeof v4);
        in6_addr v6{};
        if (::inet_pton(AF_INET6, text.data(), &v6) == 1) {
            if (IN6_IS_ADDR_V4MAPPED(&v6)) return set('4', &v6.s6_addr[12], 4);
            return set('6', &v6, 8);
        }
    }
    set('?', client.data(), std::min(client.size(), bytes_.size() - 1));
}

void ClientKey::set(char family, const void* bytes, std::size_t size) noexcept {
    bytes_[0] = family;
    if (size != 0) std::memcpy(&bytes_[1], bytes, size);
    size_ = size + 1;
}

}  // namespace pkgreg::access
