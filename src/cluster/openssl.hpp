// Owners of OpenSSL's objects, and PEM.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::cluster {

struct FreeOpenssl {
    void operator()(X509* x) const noexcept { X509_free(x); }
    void operator()(X509_REQ* x) const noexcept { X509_REQ_free(x); }
    void operator()(EVP_PKEY* x) const noexcept { EVP_PKEY_free(x); }
    void operator()(BIO* x) const noexcept { BIO_free_all(x); }
    void operator()(GENERAL_NAME* x) const noexcept { GENERAL_NAME_free(x); }
    void operator()(GENERAL_NAMES* x) const noexcept { GENERAL_NAMES_free(x); }
    void operator()(ASN1_STRING* x) const noexcept { ASN1_STRING_free(x); }
    void operator()(X509_EXTENSIONS* x) const noexcept {
        sk_X509_EXTENSION_pop_free(x, X509_EXTENSION_free);
    }
};

template <class T>
using Owned = std::unique_ptr<T, FreeOpenssl>;

inline Owned<BIO> bio_of(std::string_view text) {
    Owned<BIO> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    if (!bio) throw std::bad_alloc();
    return bio;
}

inline std::string text_of(BIO* bio) {
    const char* bytes = nullptr;
    const long size = BIO_get_mem_data(bio, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

/// A passphrase is never asked for.
inline int no_passphrase(char*, int, int, void*) {
    return -1;
}

/// The certificates of a PEM text, in its order; other blocks are passed over.
inline std::vector<Owned<X509>> certificates_in(std::string_view pem) {
    const Owned<BIO> bio = bio_of(pem);
    std::vector<Owned<X509>> all;
    while (Owned<X509> one{PEM_read_bio_X509(bio.get(), nullptr, &no_passphrase, nullptr)}) {
        all.push_back(std::move(one));
    }
    ERR_clear_error();
    return all;
}

}  // namespace pkgreg::cluster
