#include "server/tls/kernel.hpp"

#include "base/unique_fd.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace pkgreg {
namespace {

#ifndef TCP_ULP
constexpr int TCP_ULP = 31;
#endif

bool try_kernel_tls() {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener || !socket) return false;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), name, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), name, &size) != 0 ||
        ::connect(socket.get(), name, size) != 0) {
        return false;
    }
    // Only a connection that stands may be given to it; where there is none, this is ENOENT.
    return ::setsockopt(socket.get(), IPPROTO_TCP, TCP_ULP, "tls", sizeof "tls") == 0;
}

}  // namespace

bool kernel_offers_tls() {
    static const bool offered = try_kernel_tls();
    return offered;
}

}  // namespace pkgreg
