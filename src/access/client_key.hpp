// ClientKey: what of a client's address makes out the same client.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace pkgreg::access {

/// The host of an address with or without its port: `192.0.2.1:80`, `[2001:db8::1]:80`,
/// `2001:db8::1`. Brackets and a zone are left off. Anything else comes back as it is.
std::string_view host_of(std::string_view address) noexcept;

/// Whether a text is an IP address, with or without a port.
bool is_address(std::string_view text) noexcept;

/// A value of at most 64 bytes.
class ClientKey {
 public:
    /// @param client as in `HttpRequest::client`
    explicit ClientKey(std::string_view client) noexcept;

    /// The same for the same client, another for another one: an IPv4 address (also where it is
    /// written as IPv6), the first 64 bits of an IPv6 address, `unix`, or the beginning of a text
    /// that is no address.
    std::string_view bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
    void read(std::string_view client) noexcept;
    void set(char family, const void* bytes, std::size_t size) noexcept;

    std::array<char, 64> bytes_;
    std::size_t size_ = 0;
};

}  // namespace pkgreg::access
