// The bytes of one connection, as the system moves them: never blocking, with a way to wait. All
// input and output of a connection goes through this one class.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "base/unique_fd.hpp"
#include "server/io_result.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <sys/uio.h>
#include <utility>

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace pkgreg {

class TlsSession;

class Transport {
 public:
    using Descriptor =
        boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>;

    /// Takes over a connected socket that does not block.
    ///
    /// @param tls what the connection speaks TLS with; null: it does not
    Transport(boost::asio::io_context& context, UniqueFd socket, std::shared_ptr<ssl_ctx_st> tls);
    ~Transport();
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    /// Past TLS, which was never begun: an answer to a peer that speaks plain HTTP.
    void refuse_plain_http() noexcept;

    /// Null where bytes go as they are.
    TlsSession* tls() const noexcept { return tls_.get(); }

    /// `end`: the peer will send nothing more.
    IoResult receive(std::span<std::byte> into) noexcept;
    /// Whether `receive` would not block.
    bool readable() noexcept;
    /// Sends the start of what the vectors hold; TLS may keep some of that for `flush`. `more`: something follows at once, so the system
    /// need not send a short packet.
    IoResult send(std::span<const iovec> from, bool more) noexcept;
    /// Sends from a file. `end`: the file has no byte at `offset`.
    IoResult send_file(int fd, std::uint64_t offset, std::size_t length) noexcept;
    /// Whether `send_pipe` can be used: on plain connections.
    bool sends_pipes() const noexcept { return !tls_; }
    /// Sends from a pipe's reading end.
    IoResult send_pipe(int pipe, std::size_t length) noexcept;

    /// Sends what a call before has kept; `ok` when nothing is left.
    IoStatus flush() noexcept;

    /// While on, the system sends only full packets. A file goes out in half the time so: without
    /// it, the end of each call of `sendfile` becomes a short packet.
    void cork(bool on) noexcept;

    /// Complete when an attempt is worth it; false after `cancel` and on a broken socket.
    awaitable<bool> wait_readable();
    awaitable<bool> wait_writable();
    /// Ends the waits.
    void cancel() noexcept;

    /// Tells the peer that nothing more comes.
    void shut_down_send() noexcept;
    /// Ends both directions at once; the socket stays open until the transport is destroyed.
    void abort() noexcept;

 private:
    Descriptor socket_;
    std::unique_ptr<TlsSession> tls_;
};

}  // namespace pkgreg
