#include "server/test_certificates.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>
#include <stdlib.h>

namespace pkgreg::test {
namespace {

void require(bool good, const char* what) {
    if (!good) throw std::runtime_error(std::string("test certificates: ") + what);
}

void append(X509_NAME* name, const NameParts& parts) {
    for (const auto& [field, text] : parts) {
        require(X509_NAME_add_entry_by_txt(name, field.c_str(), MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(text.data()),
                                           static_cast<int>(text.size()), -1, 0) == 1,
                "a name cannot be made");
    }
}

}  // namespace

TestAuthority::TestAuthority() {
    char name[] = "/tmp/pkgreg-authority-XXXXXX";
    require(::mkdtemp(name) != nullptr, "no folder");
    folder_ = name;
    key_.reset(EVP_EC_gen("P-256"));
    certificate_ = make({{"CN", "Test authority"}}, key_.get(), 3600);
    own_ = write("authority", certificate_.get(), key_.get());
}

TestAuthority::~TestAuthority() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

CertificateFiles TestAuthority::issue(const NameParts& subject, long seconds) {
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = make(subject, key.get(), seconds);
    return write("certificate-" + std::to_string(serial_), certificate.get(), key.get());
}

/// Signed by the authority; by itself while there is none.
TestAuthority::Certificate TestAuthority::make(const NameParts& subject, EVP_PKEY* key,
                                               long seconds) {
    Certificate made(X509_new());
    require(made != nullptr && key != nullptr, "out of memory");
    X509_set_version(made.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), seconds);
    append(X509_get_subject_name(made.get()), subject);
    X509* const issuer = certificate_ ? certificate_.get() : made.get();
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
    X509_set_pubkey(made.get(), key);
    X509_EXTENSION* const basic = X509V3_EXT_conf_nid(
        nullptr, nullptr, NID_basic_constraints, certificate_ ? "CA:FALSE" : "critical,CA:TRUE");
    require(basic != nullptr, "no extension");
    X509_add_ext(made.get(), basic, -1);
    X509_EXTENSION_free(basic);
    require(X509_sign(made.get(), key_.get(), EVP_sha256()) != 0, "it cannot be signed");
    return made;
}

CertificateFiles TestAuthority::write(std::string_view name, X509* certificate,
                                      EVP_PKEY* key) const {
    const std::string base = (folder_ / name).string();
    CertificateFiles files{base + ".pem", base + ".key"};
    const auto open = [](const std::filesystem::path& file) {
        return std::unique_ptr<std::FILE, int (*)(std::FILE*)>(std::fopen(file.c_str(), "we"),
                                                               &std::fclose);
    };
    const auto certificate_file = open(files.certificate);
    const auto key_file = open(files.key);
    require(certificate_file && key_file, "no file");
    require(PEM_write_X509(certificate_file.get(), certificate) == 1, "it cannot be written");
    require(PEM_write_PrivateKey(key_file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
            "its key cannot be written");
    return files;
}

}  // namespace pkgreg::test
