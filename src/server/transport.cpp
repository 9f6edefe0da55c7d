#include "server/transport.hpp"

#include "server/tls/session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pkgreg {
namespace {

IoResult from_call(ssize_t returned, IoStatus at_zero) noexcept {
    if (returned > 0) return {IoStatus::ok, static_cast<std::size_t>(returned)};
    if (returned == 0) return {at_zero, 0};
    return {errno == EAGAIN || errno == EWOULDBLOCK ? IoStatus::would_block : IoStatus::failed, 0};
}

template <class Call>
ssize_t restarted(Call call) noexcept {
    ssize_t returned;
    do {
        returned = call();
    } while (returned < 0 && errno == EINTR);
    return returned;
}

awaitable<bool> wait(Transport::Descriptor& socket, Transport::Descriptor::wait_type what) {
    const auto [error] =
        co_await socket.async_wait(what, boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return !error;
}

}  // namespace

Transport::Transport(boost::asio::io_context& context, UniqueFd socket,
                     std::shared_ptr<ssl_ctx_st> tls)
    : socket_(context.get_executor(), socket.release()) {
    if (tls) tls_ = std::make_unique<TlsSession>(std::move(tls), socket_.native_handle());
}

Transport::~Transport() = default;

IoResult Transport::receive(std::span<std::byte> into) noexcept {
    if (tls_) return tls_->receive(into);
    const int fd = socket_.native_handle();
    return from_call(restarted([&] { return ::recv(fd, into.data(), into.size(), MSG_DONTWAIT); }),
                     IoStatus::end);
}

void Transport::refuse_plain_http() noexcept {
    constexpr std::string_view answer =
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 61\r\n"
        "Connection: close\r\n\r\n"
        "this port speaks TLS, and the request came without: use https";
    const int fd = socket_.native_handle();
    restarted(
        [&] { return ::send(fd, answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

bool Transport::readable() noexcept {
    if (tls_ && tls_->has_received()) return true;
    const int fd = socket_.native_handle();
    char byte;
    const ssize_t n = restarted([&] { return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT); });
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

IoResult Transport::send(std::span<const iovec> from, bool more) noexcept {
    if (tls_ && !tls_->kernel_sends()) return tls_->send(from);
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(from.data());
    message.msg_iovlen = from.size();
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    const int fd = socket_.native_handle();
    return from_call(restarted([&] { return ::sendmsg(fd, &message, flags); }), IoStatus::failed);
}

IoStatus Transport::flush() noexcept {
    return tls_ ? tls_->flush() : IoStatus::ok;
}

IoResult Transport::send_file(int fd, std::uint64_t offset, std::size_t length) noexcept {
    if (tls_ && !tls_->kernel_sends()) return tls_->send_file(fd, offset, length);
    const int socket = socket_.native_handle();
    off_t from = static_cast<off_t>(offset);
    return from_call(restarted([&] { return ::sendfile(socket, fd, &from, length); }),
                     IoStatus::end);
}

IoResult Transport::send_pipe(int pipe, std::size_t length) noexcept {
    const int socket = socket_.native_handle();
    constexpr unsigned flags = SPLICE_F_NONBLOCK | SPLICE_F_MOVE;
    return from_call(
        restarted([&] { return ::splice(pipe, nullptr, socket, nullptr, length, flags); }),
        IoStatus::failed);
}

void Transport::cork(bool on) noexcept {
    const int value = on ? 1 : 0;
    // A unix socket has no such option, and needs none.
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

awaitable<bool> Transport::wait_readable() {
    if (tls_ && tls_->has_received()) co_return true;
    co_return co_await wait(socket_, Descriptor::wait_read);
}

awaitable<bool> Transport::wait_writable() {
    return wait(socket_, Descriptor::wait_write);
}

void Transport::cancel() noexcept {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void Transport::shut_down_send() noexcept {
    if (tls_) tls_->close_notify();
    ::shutdown(socket_.native_handle(), SHUT_WR);
}

void Transport::abort() noexcept {
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

}  // namespace pkgreg
