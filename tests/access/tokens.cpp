#include "access/tokens.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace pkgreg::access {

const jose::PrivateKey& rsa_key() {
    static const jose::PrivateKey key = [] {
        EVP_PKEY* const made = EVP_RSA_gen(2048);
        BIO* const sink = BIO_new(BIO_s_mem());
        PEM_write_bio_PrivateKey(sink, made, nullptr, nullptr, 0, nullptr, nullptr);
        char* text = nullptr;
        const long size = BIO_get_mem_data(sink, &text);
        jose::PrivateKey read = jose::PrivateKey::from_pem({text, static_cast<std::size_t>(size)});
        BIO_free(sink);
        EVP_PKEY_free(made);
        return read;
    }();
    return key;
}

const jose::PrivateKey& ec_key() {
    static const jose::PrivateKey key = jose::PrivateKey::generate_p256();
    return key;
}

}  // namespace pkgreg::access
