// TLS whose sending side is offered to the kernel: taken where the kernel can, else as ever.
#include "base/unique_fd.hpp"
#include "server/test_certificates.hpp"
#include "server/tls/kernel.hpp"
#include "server/tls/session.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace pkgreg {
namespace {

using Context = std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)>;

/// Both ends of a connection over the loopback: only TCP can be given to the kernel.
std::pair<UniqueFd, UniqueFd> connection() {
    const UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
    UniqueFd client(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), name, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), name, &size), 0);
    EXPECT_EQ(::connect(client.get(), name, size), 0);
    UniqueFd server(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
    EXPECT_TRUE(server);
    return {std::move(server), std::move(client)};
}

/// What a client reads until the end of TLS; `ended` tells whether that was announced.
std::string read_all(int socket, int version, bool& ended) {
    const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
    SSL_CTX_set_max_proto_version(context.get(), version);
    const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context.get()), &SSL_free);
    SSL_set_fd(ssl.get(), socket);
    std::string text;
    if (SSL_connect(ssl.get()) != 1 || SSL_write(ssl.get(), "go", 2) != 2) return text;
    char bytes[65536];
    int n = 0;
    while ((n = SSL_read(ssl.get(), bytes, sizeof bytes)) > 0) {
        text.append(bytes, static_cast<std::size_t>(n));
    }
    ended = SSL_get_error(ssl.get(), n) == SSL_ERROR_ZERO_RETURN;
    return text;
}

void wait_for(int socket, short what) {
    pollfd entry{socket, what, 0};
    ASSERT_EQ(::poll(&entry, 1, 10000), 1);
}

/// A file in memory.
UniqueFd file_of(const std::string& content) {
    UniqueFd file(::memfd_create("content", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    return file;
}

class KernelTls : public testing::TestWithParam<int> {
 protected:
    KernelTls() {
        const test::CertificateFiles files = authority_.issue({{"CN", "localhost"}});
        SSL_CTX_use_certificate_chain_file(context_.get(), files.certificate.c_str());
        SSL_CTX_use_PrivateKey_file(context_.get(), files.key.c_str(), SSL_FILETYPE_PEM);
        SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE);
        SSL_CTX_set_options(context_.get(), SSL_OP_ENABLE_KTLS);
    }

    /// Sends as `Transport` does.
    void send(TlsSession& session, int socket, std::string text) {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const iovec rest{text.data() + sent, text.size() - sent};
            if (session.kernel_sends()) {
                const ssize_t n = ::send(socket, rest.iov_base, rest.iov_len, MSG_NOSIGNAL);
                if (n > 0) sent += static_cast<std::size_t>(n);
            } else {
                const IoResult result = session.send({&rest, 1});
                ASSERT_NE(result.status, IoStatus::failed);
                sent += result.bytes;
            }
            if (sent < text.size()) wait_for(socket, POLLOUT);
        }
    }
    void send_file(TlsSession& session, int socket, int file, std::size_t size) {
        std::size_t sent = 0;
        while (sent < size) {
            if (session.kernel_sends()) {
                off_t from = static_cast<off_t>(sent);
                const ssize_t n = ::sendfile(socket, file, &from, size - sent);
                if (n > 0) sent += static_cast<std::size_t>(n);
            } else {
                const IoResult result = session.send_file(file, sent, size - sent);
                ASSERT_NE(result.status, IoStatus::failed);
                sent += result.bytes;
            }
            if (sent < size) wait_for(socket, POLLOUT);
        }
        while (session.flush() == IoStatus::would_block) wait_for(socket, POLLOUT);
    }

    test::TestAuthority authority_;
    std::shared_ptr<SSL_CTX> context_{SSL_CTX_new(TLS_server_method()), &SSL_CTX_free};
};
std::string version_name(const testing::TestParamInfo<int>& tested) {
    return tested.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
}
INSTANTIATE_TEST_SUITE_P(Versions, KernelTls, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         version_name);

TEST(KernelTlsOffer, is_what_the_kernel_says) {
    const bool offered = kernel_offers_tls();
    std::ifstream list("/proc/sys/net/ipv4/tcp_available_ulp");
    const std::string all(std::istreambuf_iterator<char>(list), {});
    EXPECT_EQ(offered, (" " + all).find(" tls") != std::string::npos) << all;
}

TEST_P(KernelTls, content_arrives_whoever_encrypts_it) {
    auto [server, client] = connection();
    bool ended = false;
    std::string received;
    std::thread reader(
        [&, socket = client.get()] { received = read_all(socket, GetParam(), ended); });
    const std::string head = "head ";
    const std::string content(5'000'003, 'x');
    {
        TlsSession session(context_, server.get());
        IoStatus status = session.handshake();
        for (; status == IoStatus::would_block; status = session.handshake()) {
            wait_for(server.get(), POLLIN);
        }
        EXPECT_EQ(status, IoStatus::ok) << session.failure();
        // A kernel that offers it may still not know the cipher; without it, nobody is asked.
        if (!kernel_offers_tls()) {
            EXPECT_FALSE(session.kernel_sends());
        }
        std::byte request[16];
        IoResult got = session.receive(request);
        for (; got.status == IoStatus::would_block; got = session.receive(request)) {
            wait_for(server.get(), POLLIN);
        }
        EXPECT_EQ(got.bytes, 2u);
        send(session, server.get(), head);
        const UniqueFd file = file_of(content);
        send_file(session, server.get(), file.get(), content.size());
        session.close_notify();
        ::shutdown(server.get(), SHUT_WR);
        reader.join();
    }
    EXPECT_TRUE(ended) << "the end was not announced";
    EXPECT_TRUE(received == head + content) << received.size() << " bytes";
}

TEST_P(KernelTls, a_peer_that_speaks_something_else_is_refused) {
    auto [server, client] = connection();
    TlsSession session(context_, server.get());
    const std::string text = "GET / HTTP/1.1\r\n\r\n";
    ASSERT_EQ(::write(client.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    wait_for(server.get(), POLLIN);
    EXPECT_EQ(session.handshake(), IoStatus::failed);
    EXPECT_TRUE(session.peer_speaks_http());
    EXPECT_FALSE(session.kernel_sends());
}

}  // namespace
}  // namespace pkgreg
