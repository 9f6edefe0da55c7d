// The authority that vouches for a registry's certificate: from a file, or from the registry
// itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace pkgreg::cli {

/// Certificates of one or more authorities, as they go into files of clients.
struct Authority {
    /// PEM, certificates alone: nothing else that the file may have held, such as a key.
    std::string pem;
    /// One line for each certificate: its subject, the day on which it ends, its fingerprint.
    std::vector<std::string> descriptions;
    /// SHA-256 of the first certificate, as `openssl x509 -fingerprint -sha256` writes it.
    std::string fingerprint;
    /// What is odd about them, such as an end that has passed.
    std::vector<std::string> warnings;
};

/// Reads a PEM file. Throws `ProgramError` where it cannot be read or has no certificate.
Authority read_authority(const std::filesystem::path& file);

/// Asks a server for the certificates that it shows, without judging them, and takes the last one:
/// the authority, or the server's own where that vouches for itself. Throws `ProgramError` where
/// there is no such server, or it does not show its authority.
Authority fetch_authority(const std::string& host, const std::string& port);

/// The same fingerprint, however it is written: letters' case, colons and a `sha256:` in front do
/// not matter.
bool same_fingerprint(std::string_view a, std::string_view b);

}  // namespace pkgreg::cli
