#include "protocol/client_networks.hpp"

#include "pkgreg/error.hpp"

#include "access/client_key.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>

namespace pkgreg {

namespace ip = boost::asio::ip;

ClientNetworks::ClientNetworks(std::string_view option, const std::vector<std::string>& networks) {
    for (const std::string& text : networks) {
        if (text == "unix" || text == "*") {
            (text == "*" ? all_ : unix_sockets_) = true;
            continue;
        }
        const std::size_t slash = text.find('/');
        boost::system::error_code error;
        const ip::address address = ip::make_address(text.substr(0, slash), error);
        std::uint8_t length = address.is_v4() ? 32 : 128;
        const std::uint8_t longest = length;
        if (!error && slash != text.npos) {
            const char* const end = text.data() + text.size();
            const auto [rest, bad] = std::from_chars(text.data() + slash + 1, end, length);
            if (bad != std::errc() || rest != end || length > longest) {
                error = boost::asio::error::invalid_argument;
            }
        }
        if (error) {
            throw Error(ErrorCode::invalid_options,
                        std::string(option) + " '" + text +
                            "': must be an address, a network such as 10.0.0.0/8, unix, or *");
        }
        if (address.is_v4()) {
            networks_.emplace_back(ip::network_v4(address.to_v4(), length));
        } else {
            networks_.emplace_back(ip::network_v6(address.to_v6(), length));
        }
    }
}

bool ClientNetworks::contains(std::string_view client) const {
    if (all_) return true;
    if (client.starts_with("unix")) return unix_sockets_;
    if (networks_.empty()) return false;
    boost::system::error_code error;
    ip::address address = ip::make_address(std::string(access::host_of(client)), error);
    if (error) return false;
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        address = ip::make_address_v4(ip::v4_mapped, address.to_v6());
    }
    for (const Network& network : networks_) {
        if (const auto* v4 = std::get_if<ip::network_v4>(&network)) {
            if (!address.is_v4()) continue;
            const ip::network_v4 one(address.to_v4(), v4->prefix_length());
            if (one.canonical() == v4->canonical()) return true;
        } else if (address.is_v6()) {
            const auto& v6 = std::get<ip::network_v6>(network);
            const ip::network_v6 one(address.to_v6(), v6.prefix_length());
            if (one.canonical() == v6.canonical()) return true;
        }
    }
    return false;
}

}  // namespace pkgreg
