// ServedCertificate: key, certificate and the authorities above it in one file, so that a reader
// cannot see a key beside the certificate of another one.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::cluster {

struct ServedCertificate {
    using Time = std::chrono::system_clock::time_point;

    /// PEM: the private key, the certificate, those above it up to the root as far as they are
    /// known.
    std::string pem;
    Time begin;
    Time end;
};

/// Puts together what an authority signed. Throws `unavailable` where that cannot be served: it is
/// no certificate of the key, not for these hosts, not valid now, or not signed by the authority.
///
/// @param key PEM
/// @param certificate PEM: the certificate, and maybe authorities between it and `authority`
/// @param authority PEM: what the authority shows as its own
/// @param trusted PEM: authorities to complete the chain with, in any order
/// @param hosts what the certificate must hold
ServedCertificate assemble_certificate(std::string_view key, std::string_view certificate,
                                       std::string_view authority, std::string_view trusted,
                                       const std::vector<std::string>& hosts);

/// What was put together earlier. Throws as above; whether somebody signed it is not looked at.
ServedCertificate read_certificate(std::string pem, const std::vector<std::string>& hosts);

}  // namespace pkgreg::cluster
