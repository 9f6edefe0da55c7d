// An RSA key for tests, made once for each program.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <string>

namespace pkgreg::cluster {

inline const std::string& rsa_key() {
    static const std::string pem = [] {
        EVP_PKEY* const key = EVP_RSA_gen(2048);
        BIO* const out = BIO_new(BIO_s_mem());
        PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
        const char* bytes = nullptr;
        const long size = BIO_get_mem_data(out, &bytes);
        std::string text(bytes, static_cast<std::size_t>(size));
        BIO_free(out);
        EVP_PKEY_free(key);
        return text;
    }();
    return pem;
}

}  // namespace pkgreg::cluster
