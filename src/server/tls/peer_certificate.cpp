#include "server/tls/peer_certificate.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include <algorithm>
#include <new>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

/// The last `CN`, which is the most specific one. Empty for a text with control characters: no
/// identity has such a name, and somebody may look like another where a log or a list cuts it off.
std::string common_name(const X509_NAME* name) {
    int last = -1;
    for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) last = at;
    if (last < 0) return {};
    const ASN1_STRING* const entry = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last));
    unsigned char* utf8 = nullptr;
    const int length = ASN1_STRING_to_UTF8(&utf8, entry);
    if (length < 0) return {};
    const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owned(
        utf8, [](unsigned char* text) { OPENSSL_free(text); });
    const std::string_view text(reinterpret_cast<const char*>(utf8),
                                static_cast<std::size_t>(length));
    const auto control = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    };
    return std::ranges::any_of(text, control) ? std::string() : std::string(text);
}

std::string subject(const X509_NAME* name) {
    const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), &BIO_free);
    if (!out) throw std::bad_alloc();
    // UTF-8 as it is, control characters escaped.
    constexpr unsigned long form =
        XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
    if (X509_NAME_print_ex(out.get(), name, 0, form) < 0) return {};
    char* text = nullptr;
    const long length = BIO_get_mem_data(out.get(), &text);
    return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

SSL_TICKET_RETURN on_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t,
                            SSL_TICKET_STATUS status, void*) {
    if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    const X509* const shown = SSL_SESSION_get0_peer(session);
    if (shown != nullptr && X509_cmp_current_time(X509_get0_notAfter(shown)) <= 0) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

}  // namespace

std::unique_ptr<ClientCertificate> peer_certificate(const SSL* ssl) {
    if ((SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) == 0) return nullptr;
    const X509* const shown = SSL_get0_peer_certificate(ssl);
    if (shown == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return nullptr;
    auto certificate = std::make_unique<ClientCertificate>();
    const X509_NAME* const name = X509_get_subject_name(shown);
    certificate->common_name = common_name(name);
    certificate->subject = subject(name);
    ERR_clear_error();
    return certificate;
}

void end_sessions_with_their_certificate(SSL_CTX* context) {
    SSL_CTX_set_session_ticket_cb(context, nullptr, &on_ticket, nullptr);
}

}  // namespace pkgreg
