// Certificates for tests of TLS, made in memory and written to a folder of their own.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::test {

/// Certificate and key as PEM files.
struct CertificateFiles {
    std::filesystem::path certificate;
    std::filesystem::path key;
};

/// Parts of a name in their order: `{"O", "Example"}, {"CN", "agent"}`. Texts are UTF-8 and may
/// hold any byte.
using NameParts = std::vector<std::pair<std::string, std::string>>;

/// An authority, and what it signs, in a folder that goes with it.
class TestAuthority {
 public:
    TestAuthority();
    ~TestAuthority();
    TestAuthority(const TestAuthority&) = delete;
    TestAuthority& operator=(const TestAuthority&) = delete;

    const std::filesystem::path& certificate() const noexcept { return own_.certificate; }
    /// @param seconds from now on for which it is valid
    CertificateFiles issue(const NameParts& subject, long seconds = 3600);

 private:
    struct Free {
        void operator()(X509* certificate) const noexcept { X509_free(certificate); }
        void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    };
    using Certificate = std::unique_ptr<X509, Free>;
    using Key = std::unique_ptr<EVP_PKEY, Free>;

    Certificate make(const NameParts& subject, EVP_PKEY* key, long seconds);
    CertificateFiles write(std::string_view name, X509* certificate, EVP_PKEY* key) const;

    std::filesystem::path folder_;
    Key key_;
    Certificate certificate_;
    CertificateFiles own_;
    long serial_ = 0;
};

}  // namespace pkgreg::test
