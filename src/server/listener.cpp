#include "server/listener.hpp"

#include "pkgreg/error.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pkgreg {
namespace {

constexpr int backlog = 4096;  // the system cuts it to net.core.somaxconn
constexpr std::string_view unix_prefix = "unix:";

struct HostPort {
    std::string host;
    std::string port;
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    int family() const noexcept { return storage.ss_family; }
};

[[noreturn]] void refuse(const std::string& address, std::string_view why) {
    throw Error(ErrorCode::invalid_options,
                "cannot listen on '" + address + "': " + std::string(why));
}

HostPort split(const std::string& address) {
    constexpr std::string_view form = "an address is HOST:PORT, [IPV6]:PORT or unix:PATH";
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) refuse(address, form);
    std::string host = address.substr(0, colon);
    const std::string port = address.substr(colon + 1);
    unsigned number = 0;
    const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size() ||
        number > 65535) {
        refuse(address, "the port is a number from 0 to 65535");
    }
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    } else if (host.empty() || host.find_first_of("[]:") != std::string::npos) {
        refuse(address, form);
    }
    return {std::move(host), port};
}

std::vector<SocketAddress> resolve(const std::string& address, const HostPort& where) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &found);
    if (error != 0) refuse(address, ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
    std::vector<SocketAddress> addresses;
    for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
        SocketAddress& next = addresses.emplace_back();
        std::memcpy(&next.storage, info->ai_addr, info->ai_addrlen);
        next.size = info->ai_addrlen;
    }
    return addresses;
}

/// `localhost` means both families on every machine, whatever its hosts file says.
std::vector<SocketAddress> loopback_addresses(const std::string& address, const HostPort& where) {
    auto addresses = resolve(address, {"127.0.0.1", where.port});
    for (SocketAddress& v6 : resolve(address, {"::1", where.port})) addresses.push_back(v6);
    return addresses;
}

bool is_loopback(const SocketAddress& address) noexcept {
    if (address.family() == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) != 0;
}

in_port_t& port_of(SocketAddress& address) noexcept {
    if (address.family() == AF_INET)
        return reinterpret_cast<sockaddr_in&>(address.storage).sin_port;
    return reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port;
}

SocketAddress name_of(int fd) {
    SocketAddress address;
    address.size = sizeof(address.storage);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size);
    return address;
}

std::string port_text(const std::string& address) {
    return address.substr(address.rfind(':') + 1);
}

[[noreturn]] void fail(const std::string& address, int error) {
    const std::string what = "cannot listen on '" + address + "': ";
    const std::string system = std::generic_category().message(error);
    switch (error) {
        case EADDRINUSE:
            if (address.starts_with(unix_prefix)) {
                throw Error(ErrorCode::locked, what + "another process accepts connections there");
            }
            throw Error(ErrorCode::locked, what + "the port is taken; ss -ltnp 'sport = :" +
                                               port_text(address) + "' shows by whom");
        case EACCES:
        case EPERM: throw Error(ErrorCode::denied, what + system);
        case EADDRNOTAVAIL:
            throw Error(ErrorCode::invalid_options, what + "this machine has no such address");
        default: throw Error(ErrorCode::io, what + system);
    }
}

/// A listening socket, or the error of the call that failed.
std::pair<UniqueFd, int> bind_to(const SocketAddress& address) {
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return {UniqueFd(), errno};
    const int on = 1;
    if (address.family() != AF_UNIX) {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    // Each family by itself, so that 0.0.0.0 and [::] can both be listed.
    if (address.family() == AF_INET6) {
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (::bind(fd.get(), address.get(), address.size) != 0) return {UniqueFd(), errno};
    if (::listen(fd.get(), backlog) != 0) return {UniqueFd(), errno};
    return {std::move(fd), 0};
}

bool family_is_missing(int error) noexcept {
    return error == EADDRNOTAVAIL || error == EAFNOSUPPORT;
}

/// Binds every address to the same port. Nothing when another address has the port that the system
/// chose for the first one: then another try chooses another.
std::optional<std::vector<ListeningSocket>> bind_all(const std::string& name,
                                                     std::vector<SocketAddress> addresses) {
    std::vector<ListeningSocket> sockets;
    int last_error = EADDRNOTAVAIL;
    const bool any_port = port_of(addresses.front()) == 0;
    in_port_t chosen = 0;
    for (SocketAddress& address : addresses) {
        if (any_port) port_of(address) = chosen;
        auto [fd, error] = bind_to(address);
        if (error == EADDRINUSE && any_port && chosen != 0) return std::nullopt;
        if (error != 0 && !family_is_missing(error)) fail(name, error);
        if (error != 0) {
            last_error = error;
            continue;
        }
        SocketAddress bound = name_of(fd.get());
        chosen = port_of(bound);
        sockets.emplace_back(std::move(fd), std::string());
    }
    if (sockets.empty()) fail(name, last_error);
    return sockets;
}

Listener listen_tcp(const std::string& address, Spoken spoken) {
    const HostPort where = split(address);
    const auto addresses =
        where.host == "localhost" ? loopback_addresses(address, where) : resolve(address, where);
    for (const SocketAddress& one : addresses) {
        if (spoken == Spoken::http && !is_loopback(one)) {
            refuse(address,
                   "plain HTTP is served on loopback addresses only, since anybody on the way can "
                   "read and change it; give a certificate (--tls-cert, --tls-key), or pass "
                   "--allow-http (allow_http in the options) to serve it all the same");
        }
    }
    for (int tries = 0; tries < 16; ++tries) {
        auto sockets = bind_all(address, addresses);
        if (!sockets) continue;
        SocketAddress bound = name_of(sockets->front().fd());
        const std::string port = std::to_string(ntohs(port_of(bound)));
        const std::string host = address.substr(0, address.rfind(':'));
        const std::string scheme = spoken == Spoken::tls ? "https://" : "http://";
        return Listener{std::move(*sockets), scheme + host + ":" + port};
    }
    fail(address, EADDRINUSE);
}

SocketAddress unix_address(const std::string& address, const std::string& path) {
    SocketAddress result;
    auto& un = reinterpret_cast<sockaddr_un&>(result.storage);
    if (path.empty()) refuse(address, "the path is missing");
    if (path.size() >= sizeof un.sun_path) {
        refuse(address, "the path is longer than the " + std::to_string(sizeof un.sun_path - 1) +
                            " bytes that the system allows");
    }
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, path.c_str(), path.size() + 1);
    result.size = sizeof un;
    return result;
}

/// Removes a socket file that a process left behind.
void remove_stale(const std::string& address, const SocketAddress& where, const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return;
    if (!S_ISSOCK(info.st_mode)) refuse(address, "there is a file of this name that is no socket");
    const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe) fail(address, errno);
    if (::connect(probe.get(), where.get(), where.size) == 0) fail(address, EADDRINUSE);
    if (errno == ECONNREFUSED) ::unlink(path.c_str());
}

Listener listen_unix(const std::string& address) {
    const std::string path = address.substr(unix_prefix.size());
    const SocketAddress where = unix_address(address, path);
    remove_stale(address, where, path);
    auto [fd, error] = bind_to(where);
    if (error == ENOENT || error == ENOTDIR) refuse(address, "there is no such directory");
    if (error != 0) fail(address, error);
    Listener listener;
    listener.sockets.emplace_back(std::move(fd), path);
    listener.url = address;
    return listener;
}

}  // namespace

ListeningSocket::ListeningSocket(UniqueFd fd, std::string unix_path)
    : fd_(std::move(fd)), unix_path_(std::move(unix_path)) {
    struct stat info {};
    if (unix_path_.empty() || ::lstat(unix_path_.c_str(), &info) != 0) return;
    device_ = info.st_dev;
    inode_ = info.st_ino;
}

void ListeningSocket::close() noexcept {
    if (!fd_) return;
    // Not the file of a server that took the path over.
    struct stat info {};
    if (!unix_path_.empty() && ::lstat(unix_path_.c_str(), &info) == 0 && info.st_dev == device_ &&
        info.st_ino == inode_) {
        ::unlink(unix_path_.c_str());
    }
    // A forked process may have a copy: nobody shall connect to that, nor the port be kept by it.
    ::shutdown(fd_.get(), SHUT_RDWR);
    const UniqueFd closed = std::move(fd_);
}

Listener listen_on(const std::string& address, Spoken spoken) {
    if (address.starts_with(unix_prefix)) return listen_unix(address);
    return listen_tcp(address, spoken);
}

std::string format_address(const sockaddr_storage& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    return "unix";
}

}  // namespace pkgreg
