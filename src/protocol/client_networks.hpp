// ClientNetworks: a list of addresses and networks, and whether a request came from one of them.
#pragma once

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pkgreg {

class ClientNetworks {
 public:
    ClientNetworks() = default;
    /// @param option   what messages call the list
    /// @param networks `10.0.0.0/8`, `::1`, `unix` (unix sockets) or `*` (all)
    /// Throws `invalid_options`.
    ClientNetworks(std::string_view option, const std::vector<std::string>& networks);

    /// @param client as in `HttpRequest::client`: an address with or without its port, or a text
    ///               that begins with `unix`
    bool contains(std::string_view client) const;

 private:
    using Network = std::variant<boost::asio::ip::network_v4, boost::asio::ip::network_v6>;

    std::vector<Network> networks_;
    bool unix_sockets_ = false;
    bool all_ = false;
};

}  // namespace pkgreg
