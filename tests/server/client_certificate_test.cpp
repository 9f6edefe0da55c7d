// Certificates of clients: what a handler is told of the one that TLS verified, on the first
// request of a connection, on later ones, and where a session was resumed.
#include "server/test_certificates.hpp"
#include "server/test_client.hpp"
#include "server/test_handler.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

namespace pkgreg::test {
namespace {

/// Answers with the certificate's two names, or with `none`.
class WhoIsIt final : public HttpHandler {
 public:
    awaitable<HttpResponse> handle(const HttpRequest& request) override {
        HttpResponse response;
        const ClientCertificate* const shown = request.certificate;
        response.set_body(ResponseBody(
            shown == nullptr ? std::string("none") : shown->common_name + "|" + shown->subject));
        co_return response;
    }
};

template <auto function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        function(object);
    }
};
using Session = std::unique_ptr<SSL_SESSION, Free<&SSL_SESSION_free>>;

/// A connection that speaks TLS.
class TlsClient {
 public:
    TlsClient(const std::string& url, SSL_CTX* context, SSL_SESSION* resumed_from = nullptr)
        : socket_("http" + url.substr(5)), ssl_(SSL_new(context)) {
        SSL_set_app_data(ssl_.get(), this);
        SSL_CTX_sess_set_new_cb(context, [](SSL* ssl, SSL_SESSION* given) {
            static_cast<TlsClient*>(SSL_get_app_data(ssl))->session.reset(given);
            return 1;
        });
        SSL_set_fd(ssl_.get(), socket_.fd());
        if (resumed_from != nullptr) SSL_set_session(ssl_.get(), resumed_from);
        connected_ = SSL_connect(ssl_.get()) == 1;
    }

    /// The body of the answer; empty when there is none.
    std::string ask() {
        const std::string request = get("/");
        if (!connected_ ||
            SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())) <= 0) {
            return {};
        }
        std::string received;
        std::array<char, 4096> piece;
        while (true) {
            const std::size_t head = received.find("\r\n\r\n");
            const std::size_t field = received.find("Content-Length: ");
            if (head != std::string::npos && field < head) {
                const std::size_t length = std::stoul(received.substr(field + 16));
                if (received.size() == head + 4 + length) return received.substr(head + 4);
            }
            const int n = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
            if (n <= 0) return {};
            received.append(piece.data(), static_cast<std::size_t>(n));
        }
    }
    bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }

    /// The last one that the server gave, in TLS 1.3 with its first answer.
    Session session;

 private:
    TestClient socket_;
    std::unique_ptr<SSL, Free<&SSL_free>> ssl_;
    bool connected_ = false;
};

class ClientCertificates : public testing::TestWithParam<int> {
 public:
    ClientCertificates() {
        const CertificateFiles own = authority_.issue({{"CN", "server"}});
        ServerOptions options = test_options();
        options.tls = TlsOptions{own.certificate, own.key, authority_.certificate(), false};
        server_ = Server::start(std::make_shared<WhoIsIt>(), std::move(options));
    }

    /// What a client begins with that shows this certificate.
    std::shared_ptr<SSL_CTX> showing(const std::optional<CertificateFiles>& files) {
        std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
        SSL_CTX_set_min_proto_version(context.get(), GetParam());
        SSL_CTX_set_max_proto_version(context.get(), GetParam());
        SSL_CTX_set_session_cache_mode(context.get(),
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        if (files) {
            SSL_CTX_use_certificate_file(context.get(), files->certificate.c_str(),
                                         SSL_FILETYPE_PEM);
            SSL_CTX_use_PrivateKey_file(context.get(), files->key.c_str(), SSL_FILETYPE_PEM);
        }
        return context;
    }
    std::string ask(const std::optional<CertificateFiles>& files) {
        const auto context = showing(files);
        return TlsClient(url(), context.get()).ask();
    }
    const std::string& url() const { return server_->urls().front(); }

    TestAuthority authority_;
    std::unique_ptr<Server> server_;
};

TEST_P(ClientCertificates, AreToldByTheirNames) {
    EXPECT_EQ(ask(authority_.issue({{"O", "Example"}, {"OU", "agents"}, {"CN", "agent-1"}})),
              "agent-1|CN=agent-1,OU=agents,O=Example");
    EXPECT_EQ(ask(authority_.issue({{"CN", "J\xc3\xbcrgen, the \"first\""}})),
              "J\xc3\xbcrgen, the \"first\"|CN=J\xc3\xbcrgen\\, the \\\"first\\\"");
    EXPECT_EQ(ask(authority_.issue({{"CN", "outer"}, {"CN", "inner"}})), "inner|CN=inner,CN=outer");
}

TEST_P(ClientCertificates, HaveNoNameWhereItCouldBeMistaken) {
    EXPECT_EQ(ask(authority_.issue({{"O", "Example"}})), "|O=Example");
    EXPECT_EQ(ask(authority_.issue({{"CN", std::string("admin\0x", 7)}})), "|CN=admin\\00x");
    EXPECT_EQ(ask(authority_.issue({{"CN", "admin\nx"}})), "|CN=admin\\0Ax");
}

TEST_P(ClientCertificates, AreOptionalWhereTheyAreNotRequired) {
    EXPECT_EQ(ask(std::nullopt), "none");
}

TEST_P(ClientCertificates, OfAStrangerEndTheConnection) {
    TestAuthority stranger;
    EXPECT_EQ(ask(stranger.issue({{"CN", "agent-1"}})), "");
    EXPECT_EQ(ask(authority_.issue({{"CN", "agent-1"}}, -10)), "");
}

TEST_P(ClientCertificates, StandForAllRequestsOfAConnection) {
    const auto context = showing(authority_.issue({{"CN", "agent-1"}}));
    TlsClient client(url(), context.get());
    for (int i = 0; i < 3; ++i) EXPECT_EQ(client.ask(), "agent-1|CN=agent-1");
}

TEST_P(ClientCertificates, AreKnownWhereASessionIsResumed) {
    const auto context = showing(authority_.issue({{"CN", "agent-1"}}));
    TlsClient first(url(), context.get());
    EXPECT_EQ(first.ask(), "agent-1|CN=agent-1");
    EXPECT_FALSE(first.resumed());
    ASSERT_NE(first.session, nullptr);
    TlsClient second(url(), context.get(), first.session.get());
    EXPECT_EQ(second.ask(), "agent-1|CN=agent-1");
    EXPECT_TRUE(second.resumed());
    // Of a session without one nothing is made up.
    const auto none = showing(std::nullopt);
    TlsClient third(url(), none.get());
    EXPECT_EQ(third.ask(), "none");
    ASSERT_NE(third.session, nullptr);
    TlsClient fourth(url(), none.get(), third.session.get());
    EXPECT_EQ(fourth.ask(), "none");
    EXPECT_TRUE(fourth.resumed());
}

TEST_P(ClientCertificates, EndWithTheirTimeAlsoWhereASessionCouldBeResumed) {
    const auto context = showing(authority_.issue({{"CN", "agent-1"}}, 2));
    TlsClient first(url(), context.get());
    EXPECT_EQ(first.ask(), "agent-1|CN=agent-1");
    ASSERT_NE(first.session, nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(3200));
    TlsClient second(url(), context.get(), first.session.get());
    EXPECT_EQ(second.ask(), "");
}

INSTANTIATE_TEST_SUITE_P(Versions, ClientCertificates,
                         testing::Values(TLS1_2_VERSION, TLS1_3_VERSION), [](const auto& version) {
                             return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST(ClientCertificatesOverPlainHttp, AreNone) {
    const auto server = Server::start(std::make_shared<WhoIsIt>(), test_options());
    EXPECT_EQ(TestClient(server->urls().front()).ask(get("/")).body, "none");
}

}  // namespace
}  // namespace pkgreg::test
