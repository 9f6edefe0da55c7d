// A key, and the request that an authority signs a certificate by (PKCS #10, RFC 2986).
#pragma once

#include <string>
#include <vector>

namespace pkgreg::cluster {

struct CertificateRequest {
    /// PKCS #8, PEM: EC P-256.
    std::string key;
    /// PEM.
    std::string request;
};

/// A new key, and a request for these names and addresses. The first name that fits is the
/// subject's common name, which holds 64 characters at most.
///
/// @param hosts host names and IP addresses, one at least
CertificateRequest make_certificate_request(const std::vector<std::string>& hosts);

}  // namespace pkgreg::cluster
