// TLS of a server: which certificate it shows, and which it wants to see.
#pragma once

#include <filesystem>

namespace pkgreg {

/// How a server speaks TLS (1.2 and 1.3). The files are read again when they change, without a
/// connection being dropped; what cannot be used is told in the log, and the old certificate goes
/// on being shown.
struct TlsOptions {
    /// PEM file: the server's certificate, then the authorities between it and the root.
    std::filesystem::path certificate = {};
    /// PEM file: its private key, without a passphrase.
    std::filesystem::path key = {};
    /// PEM file of authorities. Not empty: clients are asked for a certificate of one of them, and
    /// one that shows another is refused.
    std::filesystem::path client_authorities = {};
    /// Refuse clients that show no certificate.
    bool require_client_certificate = false;
    /// Let the kernel encrypt what goes out, where it and OpenSSL offer that: files are sent without
    /// a copy then.
    bool kernel = true;
};

}  // namespace pkgreg
