// The addresses that a server listens on: read, judged, bound.
#pragma once

#include "server/transport.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

namespace pkgreg {

/// A bound and listening socket. A unix socket's file is removed with it.
class ListeningSocket {
 public:
    ListeningSocket(UniqueFd fd, std::string unix_path);
    ListeningSocket(ListeningSocket&& other) noexcept = default;
    ListeningSocket& operator=(ListeningSocket&&) = delete;
    ~ListeningSocket() { close(); }

    void close() noexcept;
    int fd() const noexcept { return fd_.get(); }

 private:
    UniqueFd fd_;
    std::string unix_path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
};

/// The sockets of one listen address (two for a name with two families), and its URL.
struct Listener {
    std::vector<ListeningSocket> sockets;
    std::string url;
};

/// What is spoken on an address.
enum class Spoken : std::uint8_t {
    http,           ///< plain, so on loopback only
    http_anywhere,  ///< plain
    tls
};

/// Binds one listen address. Throws as `Server::start`.
Listener listen_on(const std::string& address, Spoken spoken);

/// A peer's address for logs: `192.0.2.1:40000`, `[2001:db8::1]:40000`, `unix`.
std::string format_address(const sockaddr_storage& address);

}  // namespace pkgreg
