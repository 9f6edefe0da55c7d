#include "cli/trust/authority.hpp"

#include "base/unique_fd.hpp"
#include "cli/exit_code.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <netdb.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>

namespace pkgreg::cli {
namespace {

constexpr int patience_seconds = 10;

struct Free {
    void operator()(X509* x) const noexcept { X509_free(x); }
    void operator()(BIO* x) const noexcept { BIO_free_all(x); }
    void operator()(SSL_CTX* x) const noexcept { SSL_CTX_free(x); }
    void operator()(SSL* x) const noexcept { SSL_free(x); }
    void operator()(addrinfo* x) const noexcept { ::freeaddrinfo(x); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::string text_of(BIO* bio) {
    const char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

std::string subject_of(X509* certificate) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    return text_of(out.get());
}

std::string end_of(X509* certificate) {
    std::tm end{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return "?";
    std::array<char, 16> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d", &end);
    return text.data();
}

std::string fingerprint_of(X509* certificate) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    X509_digest(certificate, EVP_sha256(), digest.data(), &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        std::array<char, 4> byte{};
        std::snprintf(byte.data(), byte.size(), "%s%02X", i == 0 ? "" : ":", digest[i]);
        text += byte.data();
    }
    return text;
}

bool vouches_for_itself(X509* certificate) {
    return X509_check_issued(certificate, certificate) == X509_V_OK;
}

void add(Authority& authority, X509* certificate) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate);
    authority.pem += text_of(out.get());
    const std::string subject = subject_of(certificate);
    const std::string fingerprint = fingerprint_of(certificate);
    if (authority.fingerprint.empty()) authority.fingerprint = fingerprint;
    authority.descriptions.push_back(subject + ", until " + end_of(certificate) + ", SHA-256 " +
                                     fingerprint);
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        authority.warnings.push_back(subject + " has ended on " + end_of(certificate) +
                                     "; clients will refuse what it vouches for");
    }
    if (X509_check_ca(certificate) == 0 && !vouches_for_itself(certificate)) {
        authority.warnings.push_back(subject +
                                     " is no authority; clients may refuse the registry all the "
                                     "same. Give the certificate that its issuer has");
    }
}

[[noreturn]] void unreachable(const std::string& host, const std::string& port,
                              const std::string& why) {
    throw ProgramError(ExitCode::server,
                       "cannot ask " + host + ":" + port + " for its certificates: " + why);
}

UniqueFd connect_to(const std::string& host, const std::string& port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (error != 0) unreachable(host, port, ::gai_strerror(error));
    const Owned<addrinfo> owner(found);
    int last_error = ECONNREFUSED;
    for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
        UniqueFd fd(::socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const timeval limit{patience_seconds, 0};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        if (fd && ::connect(fd.get(), info->ai_addr, info->ai_addrlen) == 0) return fd;
        last_error = errno == EINPROGRESS ? ETIMEDOUT : errno;
    }
    unreachable(host, port, std::strerror(last_error));
}

}  // namespace

Authority read_authority(const std::filesystem::path& file) {
    errno = 0;
    std::ifstream stream(file, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    if (!stream || stream.bad()) {
        throw ProgramError(ExitCode::usage, "cannot read " + file.string() + ": " +
                                                std::strerror(errno != 0 ? errno : EIO));
    }
    const Owned<BIO> in(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    Authority authority;
    while (const Owned<X509> certificate{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)}) {
        add(authority, certificate.get());
    }
    ERR_clear_error();
    if (authority.pem.empty()) {
        throw ProgramError(
            ExitCode::usage,
            file.string() + " holds no certificate; it must be a PEM file (BEGIN CERTIFICATE)");
    }
    return authority;
}

Authority fetch_authority(const std::string& host, const std::string& port) {
    const UniqueFd socket = connect_to(host, port);
    const Owned<SSL_CTX> context(SSL_CTX_new(TLS_client_method()));
    const Owned<SSL> ssl(context ? SSL_new(context.get()) : nullptr);
    if (!ssl) unreachable(host, port, "OpenSSL cannot be initialised");
    // Nothing is sent to it, and what it shows is judged by whoever reads the fingerprint.
    SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    SSL_set_fd(ssl.get(), socket.get());
    if (SSL_connect(ssl.get()) != 1) {
        const char* const reason = ERR_reason_error_string(ERR_get_error());
        unreachable(host, port, reason ? std::string("no TLS: ") + reason : "it speaks no TLS");
    }
    const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl.get());
    const int count = chain ? sk_X509_num(chain) : 0;
    if (count == 0) unreachable(host, port, "it shows none");
    X509* const last = sk_X509_value(chain, count - 1);
    if (count == 1 && !vouches_for_itself(last)) {
        throw ProgramError(
            ExitCode::server,
            host + ":" + port + " shows only its own certificate (" + subject_of(last) +
                "), not the authority that issued it; get that from whoever runs the "
                "registry and give it with --ca");
    }
    Authority authority;
    add(authority, last);
    return authority;
}

bool same_fingerprint(std::string_view a, std::string_view b) {
    const auto digits = [](std::string_view text) {
        if (text.starts_with("sha256:") || text.starts_with("SHA256:")) text.remove_prefix(7);
        std::string out;
        for (const char c : text) {
            if (c == ':' || c == ' ') continue;
            out += c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        return out;
    };
    return digits(a) == digits(b);
}

}  // namespace pkgreg::cli
