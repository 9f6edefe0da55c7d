// TlsSession: TLS on one connected socket that does not block. Records are made in memory of the
// loop's thread and go out many at a time; what the socket does not take stays with the session.
#pragma once

#include "pkgreg/access.hpp"

#include "server/io_result.hpp"

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <sys/uio.h>

namespace pkgreg {

class TlsSession {
 public:
    /// @param socket stays the caller's, and open as long as this lives
    TlsSession(std::shared_ptr<SSL_CTX> context, int socket);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    /// `ok` when both sides are ready, `would_block` while the peer has to send more.
    IoStatus handshake() noexcept;
    /// Why it failed.
    const std::string& failure() const noexcept { return failure_; }
    /// The peer speaks plain HTTP.
    bool peer_speaks_http() const noexcept { return peer_speaks_http_; }

    /// Whether the kernel encrypts what is written to the socket: then whoever sends writes there,
    /// and `send` and `send_file` are not called.
    bool kernel_sends() const noexcept { return kernel_sends_; }

    /// The certificate that the peer has shown, once `handshake` is through; null: none.
    std::unique_ptr<ClientCertificate> peer_certificate() const;

    /// As those of `Transport`.
    IoResult receive(std::span<std::byte> into) noexcept;
    IoResult send(std::span<const iovec> from) noexcept;
    IoResult send_file(int fd, std::uint64_t offset, std::size_t length) noexcept;

    /// Whether `receive` may give something that the socket has handed over already.
    bool has_received() const noexcept { return !drained_ && SSL_has_pending(ssl_.get()) != 0; }
    /// Whether something waits for room in the socket.
    bool has_unsent() const noexcept { return !unsent_.empty(); }
    /// Sends what waits; `ok` when nothing does any more.
    IoStatus flush() noexcept;
    /// Tells the peer that nothing more comes (RFC 8446, 6.1: `close_notify`).
    void close_notify() noexcept;

 private:
    struct FreeSession {
        void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
    };

    static BIO_METHOD* socket_method();
    static int on_write(BIO* bio, const char* bytes, int size);
    static int on_read(BIO* bio, char* into, int size);
    static long on_control(BIO* bio, int command, long number, void* pointer);

    bool settle_sender() noexcept;
    /// Makes records of `bytes`; false when the session is broken.
    bool encrypt(const void* bytes, std::size_t size) noexcept;
    bool failed(int returned) noexcept;

    std::shared_ptr<SSL_CTX> context_;
    int socket_;
    std::unique_ptr<SSL, FreeSession> ssl_;
    std::string unsent_;
    std::string failure_;
    bool drained_ = true;
    bool peer_speaks_http_ = false;
    bool kernel_sends_ = false;
};

}  // namespace pkgreg
