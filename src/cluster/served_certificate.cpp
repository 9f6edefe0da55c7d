#include "cluster/served_certificate.hpp"

#include "pkgreg/error.hpp"

#include "cluster/openssl.hpp"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <utility>

namespace pkgreg::cluster {
namespace {

using Time = ServedCertificate::Time;

/// Authorities above a certificate, at most.
constexpr std::size_t max_chain = 8;

[[noreturn]] void refuse(const std::string& problem) {
    throw Error(ErrorCode::unavailable, problem);
}

Time time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) refuse("the certificate's times cannot be read");
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string text_of_time(Time time) {
    const std::time_t stamp = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&stamp, &parts);
    char text[32] = {};
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

bool is_for(X509* certificate, const std::string& host) {
    if (X509_check_ip_asc(certificate, host.c_str(), 0) == 1) return true;
    // A wildcard is looked for as it stands: OpenSSL takes `.example.com` for any host below.
    if (host.starts_with("*.")) {
        const std::string one = "wildcard" + host.substr(1);
        return X509_check_host(certificate, one.data(), one.size(), 0, nullptr) == 1;
    }
    return X509_check_host(certificate, host.data(), host.size(),
                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

/// Throws where a server cannot show it.
ServedCertificate check(X509* certificate, EVP_PKEY* key, const std::vector<std::string>& hosts) {
    if (X509_check_private_key(certificate, key) != 1) {
        ERR_clear_error();
        refuse("the certificate belongs to another key");
    }
    for (const std::string& host : hosts) {
        if (!is_for(certificate, host)) refuse("the certificate is not for " + host);
    }
    ERR_clear_error();
    ServedCertificate served;
    served.begin = time_of(X509_get0_notBefore(certificate));
    served.end = time_of(X509_get0_notAfter(certificate));
    const Time now = std::chrono::system_clock::now();
    if (served.begin > now) {
        refuse("the certificate is valid only from " + text_of_time(served.begin) +
               " on; the clocks of this machine and of the authority differ");
    }
    if (served.end <= now) refuse("the certificate has ended on " + text_of_time(served.end));
    return served;
}

Owned<EVP_PKEY> read_key(std::string_view pem) {
    Owned<EVP_PKEY> key(
        PEM_read_bio_PrivateKey(bio_of(pem).get(), nullptr, &no_passphrase, nullptr));
    ERR_clear_error();
    if (!key) refuse("there is no private key");
    return key;
}

bool issued(X509* authority, X509* certificate) {
    if (X509_check_issued(authority, certificate) != X509_V_OK) return false;
    const bool signed_by_it = X509_verify(certificate, X509_get0_pubkey(authority)) == 1;
    ERR_clear_error();
    return signed_by_it;
}

/// The authorities above `certificate`, the nearest first.
std::vector<X509*> chain_of(X509* certificate, const std::vector<Owned<X509>>& known) {
    std::vector<X509*> chain;
    X509* below = certificate;
    while (chain.size() < max_chain && !(below != certificate && issued(below, below))) {
        const auto above =
            std::ranges::find_if(known, [&](const auto& one) { return issued(one.get(), below); });
        if (above == known.end()) break;
        below = above->get();
        chain.push_back(below);
    }
    return chain;
}

std::string pem_of(X509* certificate) {
    const Owned<BIO> out(BIO_new(BIO_s_mem()));
    if (!out || PEM_write_bio_X509(out.get(), certificate) != 1) throw std::bad_alloc();
    return text_of(out.get());
}

}  // namespace

ServedCertificate assemble_certificate(std::string_view key, std::string_view certificate,
                                       std::string_view authority, std::string_view trusted,
                                       const std::vector<std::string>& hosts) {
    std::vector<Owned<X509>> given = certificates_in(certificate);
    if (given.empty()) refuse("what the authority signed is no certificate (PEM)");
    const Owned<X509> own = std::move(given.front());
    given.erase(given.begin());
    // Those that came with it first: what is in a file of trusted ones may be their predecessor.
    for (const std::string_view more : {authority, trusted}) {
        for (Owned<X509>& one : certificates_in(more)) given.push_back(std::move(one));
    }
    ServedCertificate served = check(own.get(), read_key(key).get(), hosts);
    const std::vector<X509*> chain = chain_of(own.get(), given);
    if (chain.empty()) {
        refuse("the certificate is not signed by the authority that the cluster shows");
    }
    served.pem = std::string(key) + pem_of(own.get());
    for (X509* const above : chain) served.pem += pem_of(above);
    return served;
}

ServedCertificate read_certificate(std::string pem, const std::vector<std::string>& hosts) {
    const std::vector<Owned<X509>> certificates = certificates_in(pem);
    if (certificates.empty()) refuse("there is no certificate");
    ServedCertificate served = check(certificates.front().get(), read_key(pem).get(), hosts);
    served.pem = std::move(pem);
    return served;
}

}  // namespace pkgreg::cluster
