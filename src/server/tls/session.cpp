#include "server/tls/session.hpp"

#include "server/tls/context.hpp"
#include "server/tls/peer_certificate.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

/// Most bytes of one record (RFC 8446, 5.1).
constexpr std::size_t record = std::size_t{16} << 10;
/// Records that are made before they are sent: fewer calls, and still in the core's cache.
constexpr std::size_t batch = 8 * record;

/// Records that a call makes, in memory of the loop's thread: sessions take turns with it, so each
/// call must leave it empty, or one peer would get what is meant for another.
thread_local std::string outgoing;
/// Bytes that records are made from.
thread_local std::vector<char> plain;

char* plain_bytes() {
    if (plain.empty()) plain.resize(batch);
    return plain.data();
}

class EmptyAtTheEnd {
 public:
    EmptyAtTheEnd() noexcept { outgoing.clear(); }
    ~EmptyAtTheEnd() { outgoing.clear(); }
    EmptyAtTheEnd(const EmptyAtTheEnd&) = delete;
    EmptyAtTheEnd& operator=(const EmptyAtTheEnd&) = delete;
};

}  // namespace

BIO_METHOD* TlsSession::socket_method() {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pkgreg");
        if (made == nullptr) throw std::bad_alloc();
        BIO_meth_set_write(made, &on_write);
        BIO_meth_set_read(made, &on_read);
        BIO_meth_set_ctrl(made, &on_control);
        return made;
    }();
    return method;
}

TlsSession::TlsSession(std::shared_ptr<SSL_CTX> context, int socket)
    : context_(std::move(context)), socket_(socket), ssl_(SSL_new(context_.get())) {
    BIO* const bio = ssl_ ? BIO_new(socket_method()) : nullptr;
    if (bio == nullptr) throw std::bad_alloc();
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    // OpenSSL gives its keys to the kernel through a BIO of its own, at the end of the handshake.
    if ((SSL_get_options(ssl_.get()) & SSL_OP_ENABLE_KTLS) != 0) {
        BIO* const own = BIO_new_socket(socket_, BIO_NOCLOSE);
        if (own == nullptr) throw std::bad_alloc();
        SSL_set0_wbio(ssl_.get(), own);
    }
    SSL_set_accept_state(ssl_.get());
}

TlsSession::~TlsSession() = default;

int TlsSession::on_write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    try {
        outgoing.append(bytes, static_cast<std::size_t>(size));
        return size;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

int TlsSession::on_read(BIO* bio, char* into, int size) {
    const auto& self = *static_cast<const TlsSession*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    ssize_t n = 0;
    do {
        n = ::recv(self.socket_, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) BIO_set_retry_read(bio);
    return static_cast<int>(n);
}

long TlsSession::on_control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH || command == BIO_CTRL_DUP ? 1 : 0;
}

/// Notes what went wrong; false where the call only has to be made again.
bool TlsSession::failed(int returned) noexcept {
    const int error = SSL_get_error(ssl_.get(), returned);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
    try {
        const unsigned long code = ERR_peek_error();
        peer_speaks_http_ =
            ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_HTTP_REQUEST;
        failure_ = take_tls_error();
        if (failure_.empty()) failure_ = "the peer closed the connection";
    } catch (const std::bad_alloc&) {
        ERR_clear_error();
    }
    return true;
}

IoStatus TlsSession::handshake() noexcept {
    const EmptyAtTheEnd call;
    const IoStatus before = flush();
    if (before != IoStatus::ok) return before;
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const bool broken = done != 1 && failed(done);
    const IoStatus sent = flush();  // an alert, too
    if (broken) return IoStatus::failed;
    if (sent != IoStatus::ok) return sent;
    drained_ = done != 1;
    // A new socket takes a handshake whole; what doesn't is given up.
    if (done != 1) return SSL_want_write(ssl_.get()) ? IoStatus::failed : IoStatus::would_block;
    return settle_sender() ? IoStatus::ok : IoStatus::failed;
}

/// Once keys are agreed on: the kernel encrypts, or this does.
bool TlsSession::settle_sender() noexcept {
    if ((SSL_get_options(ssl_.get()) & SSL_OP_ENABLE_KTLS) == 0) return true;
    kernel_sends_ = BIO_get_ktls_send(SSL_get_wbio(ssl_.get()));
    if (kernel_sends_) return true;
    BIO* const bio = SSL_get_rbio(ssl_.get());
    if (BIO_up_ref(bio) != 1) return false;
    SSL_set0_wbio(ssl_.get(), bio);
    return true;
}

std::unique_ptr<ClientCertificate> TlsSession::peer_certificate() const {
    return pkgreg::peer_certificate(ssl_.get());
}

IoResult TlsSession::receive(std::span<std::byte> into) noexcept {
    const EmptyAtTheEnd call;
    ERR_clear_error();
    std::size_t filled = 0;
    IoStatus status = IoStatus::ok;
    // A record at a time comes out; what was received with it follows.
    while (filled < into.size()) {
        std::size_t n = 0;
        const int done = SSL_read_ex(ssl_.get(), into.data() + filled, into.size() - filled, &n);
        if (done == 1) {
            filled += n;
            drained_ = false;
            if (SSL_has_pending(ssl_.get()) == 0) break;
            continue;
        }
        if (SSL_get_error(ssl_.get(), done) == SSL_ERROR_ZERO_RETURN) {
            status = IoStatus::end;
        } else if (failed(done)) {
            status = IoStatus::failed;
        } else {
            drained_ = true;
            status = IoStatus::would_block;
        }
        break;
    }
    // Answers to the peer's messages of the protocol itself.
    if (!outgoing.empty() && flush() == IoStatus::failed) status = IoStatus::failed;
    if (filled > 0) return {IoStatus::ok, filled};
    return {into.empty() ? IoStatus::ok : status, 0};
}

bool TlsSession::encrypt(const void* bytes, std::size_t size) noexcept {
    std::size_t done = 0;
    while (done < size) {
        std::size_t n = 0;
        const int returned = SSL_write_ex(ssl_.get(), static_cast<const char*>(bytes) + done,
                                          std::min(size - done, record), &n);
        // The records go to memory, so no call has to be made again.
        if (returned != 1) {
            failed(returned);
            return false;
        }
        done += n;
    }
    return true;
}

IoResult TlsSession::send(std::span<const iovec> from) noexcept {
    const EmptyAtTheEnd call;
    const IoStatus before = flush();
    if (before != IoStatus::ok) return {before, 0};
    ERR_clear_error();
    char* const small = plain_bytes();
    std::size_t consumed = 0;
    std::size_t gathered = 0;
    for (const iovec& vector : from) {
        const char* at = static_cast<const char*>(vector.iov_base);
        std::size_t left = std::min(vector.iov_len, batch - consumed);
        while (left > 0) {
            // Small pieces share a record; large ones are taken from where they lie.
            if (gathered == 0 && left >= record) {
                if (!encrypt(at, left)) return {IoStatus::failed, 0};
                consumed += left;
                break;
            }
            const std::size_t n = std::min(left, record - gathered);
            std::copy_n(at, n, small + gathered);
            gathered += n;
            consumed += n;
            at += n;
            left -= n;
            if (gathered < record) continue;
            if (!encrypt(small, gathered)) return {IoStatus::failed, 0};
            gathered = 0;
        }
        if (consumed == batch) break;
    }
    if (gathered > 0 && !encrypt(small, gathered)) return {IoStatus::failed, 0};
    if (flush() == IoStatus::failed) return {IoStatus::failed, 0};
    return {consumed > 0 ? IoStatus::ok : IoStatus::would_block, consumed};
}

IoResult TlsSession::send_file(int fd, std::uint64_t offset, std::size_t length) noexcept {
    const EmptyAtTheEnd call;
    char* const from_file = plain_bytes();
    IoStatus status = flush();
    std::size_t sent = 0;
    ERR_clear_error();
    while (status == IoStatus::ok && sent < length) {
        ssize_t n = 0;
        do {
            n = ::pread(fd, from_file, std::min(batch, length - sent),
                        static_cast<off_t>(offset + sent));
        } while (n < 0 && errno == EINTR);
        if (n <= 0) {
            if (sent == 0) return {n == 0 ? IoStatus::end : IoStatus::failed, 0};
            break;
        }
        if (!encrypt(from_file, static_cast<std::size_t>(n))) return {IoStatus::failed, 0};
        sent += static_cast<std::size_t>(n);
        status = flush();
    }
    if (status == IoStatus::failed) return {status, 0};
    if (sent == 0) return {length == 0 ? IoStatus::ok : IoStatus::would_block, 0};
    return {IoStatus::ok, sent};
}

IoStatus TlsSession::flush() noexcept {
    IoStatus status = IoStatus::ok;
    if (!unsent_.empty() && !outgoing.empty()) {
        try {
            unsent_ += outgoing;  // what was left comes before what was made since
        } catch (const std::bad_alloc&) {
            status = IoStatus::failed;  // a record is lost, and with it the session
        }
        outgoing.clear();
    }
    std::string& bytes = unsent_.empty() ? outgoing : unsent_;
    std::size_t done = 0;
    while (status != IoStatus::failed && done < bytes.size()) {
        const ssize_t n =
            ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            done += static_cast<std::size_t>(n);
        } else if (errno != EINTR) {
            const bool full = errno == EAGAIN || errno == EWOULDBLOCK;
            status = full ? IoStatus::would_block : IoStatus::failed;
            break;
        }
    }
    if (status == IoStatus::would_block) {
        try {
            if (unsent_.empty()) {
                unsent_.assign(outgoing, done);
            } else {
                unsent_.erase(0, done);
            }
        } catch (const std::bad_alloc&) {
            status = IoStatus::failed;
        }
    } else if (!unsent_.empty()) {
        unsent_ = std::string();
    }
    outgoing.clear();
    return status;
}

void TlsSession::close_notify() noexcept {
    const EmptyAtTheEnd call;
    if (flush() != IoStatus::ok || SSL_is_init_finished(ssl_.get()) == 0) return;
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    flush();
    ERR_clear_error();
}

}  // namespace pkgreg
