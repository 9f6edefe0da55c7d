#include "server/tls/context.hpp"

#include "pkgreg/error.hpp"

#include "server/tls/kernel.hpp"
#include "server/tls/peer_certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>
#include <string_view>
#include <sys/stat.h>
#include <utility>

namespace pkgreg {
namespace {

/// Mozilla's "intermediate" set (Server Side TLS 5.7) without the DHE suites, which need parameters
/// of their own and which no client needs that has the others.
constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

constexpr std::string_view protocol = "\x08http/1.1";

[[noreturn]] void refuse(const std::filesystem::path& file, const std::string& what) {
    std::string text = "TLS: " + file.string() + ": " + what;
    const std::string detail = take_tls_error();
    if (!detail.empty()) text += " (" + detail + ")";
    throw Error(ErrorCode::invalid_options, text);
}

/// Application-layer protocol negotiation (RFC 7301): only HTTP/1.1 is spoken.
int select_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
    unsigned char* chosen = nullptr;
    const auto* own = reinterpret_cast<const unsigned char*>(protocol.data());
    if (SSL_select_next_proto(&chosen, out_length, own, static_cast<unsigned>(protocol.size()),
                              offered, offered_length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

void require_readable(const std::filesystem::path& file) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "re"),
                                                                 &std::fclose);
    if (!opened) {
        throw Error(ErrorCode::invalid_options,
                    "TLS: " + file.string() + " cannot be read: " + std::strerror(errno));
    }
}

/// A key with a passphrase would make OpenSSL ask at the terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

void set_behaviour(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, tls12_ciphers);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_SINGLE_ECDH_USE);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    // Several records with one system call.
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, std::size_t{64} << 10);
    // Resumption is by tickets: nothing is kept per client.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    constexpr std::string_view id = "pkgreg";
    SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(id.data()),
                                   static_cast<unsigned>(id.size()));
    SSL_CTX_set_alpn_select_cb(context, &select_protocol, nullptr);
    SSL_CTX_set_default_passwd_cb(context, &no_passphrase);
}

void ask_for_certificate(SSL_CTX* context, const TlsOptions& options) {
    const std::filesystem::path& file = options.client_authorities;
    if (file.empty()) {
        if (!options.require_client_certificate) return;
        throw Error(ErrorCode::invalid_options,
                    "TLS: client certificates are required, but there is no file of the "
                    "authorities that issue them");
    }
    require_readable(file);
    if (SSL_CTX_load_verify_file(context, file.c_str()) != 1) {
        refuse(file, "holds no certificate of an authority");
    }
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(file.c_str());
    if (names == nullptr) refuse(file, "holds no certificate of an authority");
    SSL_CTX_set_client_CA_list(context, names);
    end_sessions_with_their_certificate(context);
    int mode = SSL_VERIFY_PEER | SSL_VERIFY_CLIENT_ONCE;
    if (options.require_client_certificate) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_CTX_set_verify(context, mode, nullptr);
}

}  // namespace

std::string take_tls_error() {
    std::string text;
    unsigned long code = 0;
    while ((code = ERR_get_error()) != 0) {
        const char* const reason = ERR_reason_error_string(code);
        if (reason == nullptr) continue;
        if (!text.empty()) text += "; ";
        text += reason;
    }
    return text;
}

TlsContext::TlsContext(TlsOptions options, LogCallback log)
    : options_(std::move(options)),
      log_(std::move(log)),
      library_(OSSL_LIB_CTX_new(), &OSSL_LIB_CTX_free) {
    if (!library_) throw Error(ErrorCode::internal, "OpenSSL cannot be initialised");
    loaded_ = states();
    current_ = load();
    if (log_ && options_.kernel) {
        log_(LogLevel::debug, kernel_offers_tls()
                                  ? "TLS: the kernel encrypts what is sent, where it has the cipher"
                                  : "TLS: this kernel does not encrypt (no module 'tls')");
    }
}

std::shared_ptr<SSL_CTX> TlsContext::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

std::shared_ptr<SSL_CTX> TlsContext::load() const {
    ERR_clear_error();
    // The deleter keeps the library's state for as long as a connection needs it.
    std::shared_ptr<SSL_CTX> context(SSL_CTX_new_ex(library_.get(), nullptr, TLS_server_method()),
                                     [library = library_](SSL_CTX* old) { SSL_CTX_free(old); });
    if (!context) throw Error(ErrorCode::internal, "OpenSSL: " + take_tls_error());
    set_behaviour(context.get());
    if (options_.kernel && kernel_offers_tls()) {
        SSL_CTX_set_options(context.get(), SSL_OP_ENABLE_KTLS);
    }
    require_readable(options_.certificate);
    require_readable(options_.key);
    if (SSL_CTX_use_certificate_chain_file(context.get(), options_.certificate.c_str()) != 1) {
        refuse(options_.certificate, "is no PEM file with a certificate");
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), options_.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        refuse(options_.key, "is no private key of the certificate in " +
                                 options_.certificate.string() +
                                 "; it must be a PEM file without a passphrase");
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) {
        refuse(options_.key,
               "does not belong to the certificate in " + options_.certificate.string());
    }
    ask_for_certificate(context.get(), options_);
    return context;
}

std::vector<TlsContext::FileState> TlsContext::states() const {
    std::vector<FileState> all;
    for (const auto* file : {&options_.certificate, &options_.key, &options_.client_authorities}) {
        FileState& state = all.emplace_back();
        struct stat info {};
        if (file->empty() || ::stat(file->c_str(), &info) != 0) continue;
        state.modified = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
        state.inode = info.st_ino;
        state.size = static_cast<std::uint64_t>(info.st_size);
    }
    return all;
}

void TlsContext::reload_if_changed() noexcept {
    try {
        // Before the files are read: what is written meanwhile is seen the next time.
        const auto now = states();
        if (now == loaded_ || now == refused_) return;
        try {
            auto fresh = load();
            {
                const std::lock_guard lock(mutex_);
                current_.swap(fresh);
            }
            loaded_ = now;
            refused_.clear();
            if (log_)
                log_(LogLevel::info, "TLS: new certificate from " + options_.certificate.string());
        } catch (const Error& error) {
            refused_ = now;
            if (log_) {
                log_(LogLevel::warning,
                     error.message() + "; the certificate that was read before stays in use");
            }
        }
    } catch (const std::exception&) {
        // No memory: another look comes in a second.
    }
}

}  // namespace pkgreg
