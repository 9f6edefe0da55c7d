#include "cluster/certificate_request.hpp"

#include "pkgreg/error.hpp"

#include "base/jose.hpp"
#include "cluster/openssl.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pkgreg::cluster {
namespace {

/// What OpenSSL only refuses where memory is short, or it is set up so that nothing works.
void require(bool done, const char* what) {
    if (done) return;
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    std::string text = std::string("OpenSSL cannot make ") + what;
    if (reason != nullptr) text.append(": ").append(reason);
    ERR_clear_error();
    throw Error(ErrorCode::internal, text);
}

/// Built by hand: OpenSSL's own syntax of extensions would give commas in a name a meaning.
Owned<GENERAL_NAME> general_name(const std::string& host) {
    Owned<GENERAL_NAME> name(GENERAL_NAME_new());
    require(name != nullptr, "a name");
    if (ASN1_OCTET_STRING* const address = a2i_IPADDRESS(host.c_str())) {
        GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address);
        return name;
    }
    ERR_clear_error();
    Owned<ASN1_STRING> text(ASN1_IA5STRING_new());
    require(text && ASN1_STRING_set(text.get(), host.data(), static_cast<int>(host.size())) == 1,
            "a name");
    GENERAL_NAME_set0_value(name.get(), GEN_DNS, text.release());
    return name;
}

void add_names(X509_REQ* request, const std::vector<std::string>& hosts) {
    const Owned<GENERAL_NAMES> names(GENERAL_NAMES_new());
    require(names != nullptr, "a list of names");
    for (const std::string& host : hosts) {
        Owned<GENERAL_NAME> name = general_name(host);
        require(sk_GENERAL_NAME_push(names.get(), name.get()) > 0, "a list of names");
        name.release();
    }
    X509_EXTENSIONS* list = nullptr;
    const int added = X509V3_add1_i2d(&list, NID_subject_alt_name, names.get(), 0, 0);
    const Owned<X509_EXTENSIONS> extensions(list);
    require(added == 1 && X509_REQ_add_extensions(request, extensions.get()) == 1,
            "a list of names");
}

void set_common_name(X509_REQ* request, const std::vector<std::string>& hosts) {
    constexpr std::size_t max_common_name = 64;
    const auto fits = [](const std::string& host) { return host.size() <= max_common_name; };
    const auto found = std::ranges::find_if(hosts, fits);
    const std::string name = found == hosts.end() ? "pkgreg" : *found;
    require(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.data()),
                                       static_cast<int>(name.size()), -1, 0) == 1,
            "a subject");
}

}  // namespace

CertificateRequest make_certificate_request(const std::vector<std::string>& hosts) {
    ERR_clear_error();
    CertificateRequest made;
    made.key = jose::PrivateKey::generate_p256().pem();
    const Owned<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio_of(made.key).get(), nullptr, &no_passphrase, nullptr));
    const Owned<X509_REQ> request(X509_REQ_new());
    require(key && request, "a certificate request");
    require(X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
                X509_REQ_set_pubkey(request.get(), key.get()) == 1,
            "a certificate request");
    set_common_name(request.get(), hosts);
    add_names(request.get(), hosts);
    require(X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0, "a signature");
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    require(out && PEM_write_bio_X509_REQ(out.get(), request.get()) == 1, "a certificate request");
    made.request = text_of(out.get());
    return made;
}

}  // namespace pkgreg::cluster
