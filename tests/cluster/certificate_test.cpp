// From a request to a file that can be served: what is in the request, and what is not served.
#include "pkgreg/error.hpp"

#include "base/jose.hpp"
#include "cluster/certificate_request.hpp"
#include "cluster/openssl.hpp"
#include "cluster/served_certificate.hpp"
#include "cluster/service_host.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <string>
#include <vector>

namespace pkgreg::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

using Hosts = std::vector<std::string>;

const Hosts hosts = {"registry.example.com", "10.0.0.1", "::1", "*.wild.example.com"};

std::string pem_of(X509* certificate) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate);
    return text_of(out.get());
}

Owned<X509_REQ> request_in(const std::string& pem) {
    return Owned<X509_REQ>(PEM_read_bio_X509_REQ(bio_of(pem).get(), nullptr, nullptr, nullptr));
}

/// An authority that signs what it is given.
class Signer {
 public:
    explicit Signer(const char* name, const Signer* above = nullptr)
        : key_(new_key()), own_(X509_new()) {
        X509_NAME* const subject = X509_get_subject_name(own_.get());
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        X509_set_pubkey(own_.get(), key_.get());
        add(own_.get(), NID_basic_constraints, "critical,CA:TRUE");
        const Signer& issuer = above != nullptr ? *above : *this;
        issuer.sign(own_.get(), -3600, 3600);
    }

    std::string pem() const { return cluster::pem_of(own_.get()); }

    /// @param begin, end seconds from now
    std::string issue(const CertificateRequest& made, long begin = -300, long end = 3600) const {
        const Owned<X509_REQ> request = request_in(made.request);
        const Owned<X509> certificate(X509_new());
        X509_set_subject_name(certificate.get(), X509_REQ_get_subject_name(request.get()));
        X509_set_pubkey(certificate.get(), X509_REQ_get0_pubkey(request.get()));
        const Owned<X509_EXTENSIONS> wanted(X509_REQ_get_extensions(request.get()));
        for (int i = 0; i < sk_X509_EXTENSION_num(wanted.get()); ++i) {
            X509_add_ext(certificate.get(), sk_X509_EXTENSION_value(wanted.get(), i), -1);
        }
        sign(certificate.get(), begin, end);
        return cluster::pem_of(certificate.get());
    }

 private:
    static Owned<EVP_PKEY> new_key() { return Owned<EVP_PKEY>(EVP_EC_gen("P-256")); }
    static void add(X509* certificate, int nid, const char* value) {
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    void sign(X509* certificate, long begin, long end) const {
        static long serial = 0;
        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(certificate), begin);
        X509_gmtime_adj(X509_getm_notAfter(certificate), end);
        X509_set_issuer_name(certificate, X509_get_subject_name(own_.get()));
        X509_sign(certificate, key_.get(), EVP_sha256());
    }

    Owned<EVP_PKEY> key_;
    Owned<X509> own_;
};

template <class Call>
std::string refusal(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::unavailable);
        return error.message();
    }
    return "(accepted)";
}

TEST(CertificateRequest, holds_all_names_and_is_signed_by_a_new_key) {
    const CertificateRequest made = make_certificate_request(hosts);
    const Owned<X509_REQ> request = request_in(made.request);
    ASSERT_TRUE(request);
    EXPECT_EQ(X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())), 1);
    EXPECT_EQ(jose::PrivateKey::from_pem(made.key).algorithm(), jose::Algorithm::es256);
    EXPECT_NE(made.key, make_certificate_request(hosts).key);
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    X509_REQ_print(out.get(), request.get());
    const std::string text = text_of(out.get());
    EXPECT_THAT(text, HasSubstr("registry.example.com\n        Subject Public Key"));
    EXPECT_THAT(text, HasSubstr("DNS:registry.example.com, IP Address:10.0.0.1, IP "
                                "Address:0:0:0:0:0:0:0:1, DNS:*.wild.example.com"));
}

TEST(CertificateRequest, a_comma_in_a_name_is_no_syntax) {
    const CertificateRequest made = make_certificate_request({"a,DNS:evil.example.com"});
    const Signer signer("CA");
    EXPECT_THAT(refusal([&] {
                    assemble_certificate(made.key, signer.issue(made), signer.pem(), "",
                                         {"evil.example.com"});
                }),
                HasSubstr("is not for evil.example.com"));
}

TEST(CertificateRequest, the_common_name_is_one_that_fits) {
    const std::string name = std::string(60, 'x') + ".example.com";
    for (const auto& [names, common] : {std::pair{Hosts{name, "b.example.com"}, "b.example.com"},
                                        std::pair{Hosts{name}, "pkgreg"}}) {
        const Owned<X509_REQ> request = request_in(make_certificate_request(names).request);
        char text[100] = {};
        X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request.get()), NID_commonName, text,
                                  sizeof text);
        EXPECT_STREQ(text, common);
    }
}

TEST(ServiceHost, drops_the_slashes_of_folders) {
    EXPECT_EQ(service_host("registry"), "registry.marathon.l4lb.thisdcos.directory");
    EXPECT_EQ(service_host("/my/custom/dcos-registry"),
              "mycustomdcos-registry.marathon.l4lb.thisdcos.directory");
}

class Served : public ::testing::Test {
 protected:
    ServedCertificate assemble(const std::string& certificate, const std::string& authority,
                               const std::string& trusted = {}) const {
        return assemble_certificate(made.key, certificate, authority, trusted, hosts);
    }

    const CertificateRequest made = make_certificate_request(hosts);
    const Signer root = Signer("Root");
};

TEST_F(Served, holds_key_certificate_and_authority_in_this_order) {
    const std::string certificate = root.issue(made);
    const ServedCertificate served = assemble(certificate, root.pem());
    EXPECT_EQ(served.pem, made.key + certificate + root.pem());
    EXPECT_GT(served.end, std::chrono::system_clock::now() + std::chrono::minutes(59));
    EXPECT_EQ(read_certificate(served.pem, hosts).end, served.end);
}

TEST_F(Served, has_all_authorities_up_to_the_root_from_wherever_they_are_known) {
    const Signer between("Between", &root);
    const std::string certificate = between.issue(made);
    const std::string whole = made.key + certificate + between.pem() + root.pem();
    EXPECT_EQ(assemble(certificate, between.pem(), root.pem()).pem, whole);
    EXPECT_EQ(assemble(certificate + between.pem(), root.pem()).pem, whole);
    EXPECT_EQ(assemble(certificate, "", root.pem() + between.pem()).pem, whole);
    EXPECT_EQ(assemble(certificate, between.pem()).pem, made.key + certificate + between.pem());
}

TEST_F(Served, is_not_what_another_authority_of_the_same_name_signed) {
    const Signer other("Root");
    EXPECT_THAT(refusal([&] { assemble(other.issue(made), root.pem()); }),
                HasSubstr("not signed by the authority"));
    EXPECT_THAT(refusal([&] { assemble(root.issue(made), "no PEM"); }),
                HasSubstr("not signed by the authority"));
}

TEST_F(Served, is_for_its_key_its_hosts_and_this_time) {
    const CertificateRequest another = make_certificate_request(hosts);
    EXPECT_THAT(refusal([&] { assemble(root.issue(another), root.pem()); }),
                HasSubstr("another key"));
    EXPECT_THAT(refusal([&] { assemble(root.issue(made, -300, -5), root.pem()); }),
                HasSubstr("has ended on 2"));
    EXPECT_THAT(refusal([&] { assemble(root.issue(made, 60), root.pem()); }), HasSubstr("clocks"));
    EXPECT_THAT(refusal([&] { assemble("no PEM", root.pem()); }), HasSubstr("no certificate"));
    for (const std::string host :
         {"other.example.com", "10.0.0.2", "::2", "*.example.com", "a.registry.example.com"}) {
        EXPECT_THAT(refusal([&] {
                        assemble_certificate(made.key, root.issue(made), root.pem(), "", {host});
                    }),
                    HasSubstr("is not for " + host));
    }
}

TEST_F(Served, that_was_kept_must_be_whole) {
    const std::string pem = assemble(root.issue(made), root.pem()).pem;
    EXPECT_THAT(refusal([&] { read_certificate("", hosts); }), HasSubstr("no certificate"));
    EXPECT_THAT(refusal([&] { read_certificate(pem.substr(made.key.size()), hosts); }),
                HasSubstr("no private key"));
    EXPECT_THAT(refusal([&] { read_certificate(pem.substr(0, made.key.size() + 100), hosts); }),
                HasSubstr("no certificate"));
    EXPECT_THAT(refusal([&] { read_certificate(pem, {"other.example.com"}); }),
                HasSubstr("is not for"));
}

}  // namespace
}  // namespace pkgreg::cluster
