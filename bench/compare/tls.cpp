// A client of TLS: pulls one URL again and again over one connection, or connects again and again
// and asks once each time, going on with the session before (`--resume 1`) or anew. Bodies are
// decrypted and dropped.
#include "client.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::bench {
namespace {

struct Free {
    void operator()(SSL_CTX* x) const noexcept { SSL_CTX_free(x); }
    void operator()(SSL* x) const noexcept { SSL_free(x); }
    void operator()(SSL_SESSION* x) const noexcept { SSL_SESSION_free(x); }
};
using Context = std::unique_ptr<SSL_CTX, Free>;
using Session = std::unique_ptr<SSL_SESSION, Free>;

Session newest;

int keep_session(SSL*, SSL_SESSION* session) {
    newest.reset(session);
    return 1;
}

Context make_context(const Options& options) {
    Context context(SSL_CTX_new(TLS_client_method()));
    if (!context) throw std::runtime_error("no OpenSSL");
    const int version = options.text("version") == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    if (SSL_CTX_load_verify_file(context.get(), options.text("ca").c_str()) != 1) {
        throw std::runtime_error("cannot read --ca");
    }
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_read_ahead(context.get(), 1);
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context.get(), &keep_session);
    return context;
}

class SecureConnection {
 public:
    SecureConnection(SSL_CTX* context, const Url& url, bool resume)
        : socket_(url), authority_(url.authority()), ssl_(SSL_new(context)), buffer_(64 << 10) {
        SSL_set_fd(ssl_.get(), socket_.fd());
        if (resume && newest) SSL_set_session(ssl_.get(), newest.get());
        if (SSL_connect(ssl_.get()) != 1) fail("no TLS");
    }

    bool resumed() const noexcept { return SSL_session_reused(ssl_.get()) == 1; }

    /// The size of the body.
    std::uint64_t get(const std::string& target) {
        const std::string head = "GET " + target + " HTTP/1.1\r\nHost: " + authority_ + "\r\n\r\n";
        if (SSL_write(ssl_.get(), head.data(), static_cast<int>(head.size())) <= 0) fail("send");
        parser_.reset(false);
        while (!parser_.complete()) {
            const int n = SSL_read(ssl_.get(), buffer_.data(), static_cast<int>(buffer_.size()));
            if (n <= 0) fail("receive");
            std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
            while (!bytes.empty()) bytes.remove_prefix(parser_.feed(bytes));
        }
        if (parser_.status() != 200) {
            throw std::runtime_error("status " + std::to_string(parser_.status()));
        }
        return parser_.body_bytes();
    }

    ~SecureConnection() { SSL_shutdown(ssl_.get()); }

 private:
    [[noreturn]] static void fail(const char* what) {
        const char* const reason = ERR_reason_error_string(ERR_get_error());
        throw std::runtime_error(std::string(what) + ": " + (reason ? reason : "connection ended"));
    }

    Socket socket_;
    std::string authority_;
    std::unique_ptr<SSL, Free> ssl_;
    std::vector<char> buffer_;
    ResponseParser parser_;
};

int program(int argc, char** argv) {
    const Options options(argc, argv,
                          {{"url", ""},
                           {"ca", ""},
                           {"version", "1.3"},
                           {"times", "1"},
                           {"seconds", "0"},
                           {"resume", "0"}});
    const Url url = Url::parse(options.text("url"));
    const Context context = make_context(options);
    const bool resume = options.number("resume") != 0;
    const double limit = options.real("seconds");
    std::uint64_t bytes = 0;
    std::uint64_t connections = 0;
    std::uint64_t resumed = 0;
    double begin = 0;
    if (limit > 0) {
        SecureConnection(context.get(), url, false).get(url.target);  // the first session
        begin = now();
        while (now() - begin < limit) {
            SecureConnection connection(context.get(), url, resume);
            bytes += connection.get(url.target);
            ++connections;
            resumed += connection.resumed() ? 1 : 0;
        }
    } else {
        SecureConnection connection(context.get(), url, false);
        begin = now();
        for (std::uint64_t i = 0; i < options.number("times"); ++i) {
            bytes += connection.get(url.target);
        }
        connections = 1;
    }
    std::printf(
        "{\"bytes\": %llu, \"seconds\": %.6f, \"client_cpu\": %.6f, \"connections\": %llu, "
        "\"resumed\": %llu}\n",
        static_cast<unsigned long long>(bytes), now() - begin, cpu_seconds(),
        static_cast<unsigned long long>(connections), static_cast<unsigned long long>(resumed));
    return 0;
}

}  // namespace
}  // namespace pkgreg::bench

int main(int argc, char** argv) {
    return pkgreg::bench::run(pkgreg::bench::program, argc, argv);
}
