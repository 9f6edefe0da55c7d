// ServiceAccount: who the registry is for its cluster, as the secret of its service account says.
#pragma once

#include "base/jose.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace pkgreg::cluster {

struct ServiceAccount {
    std::string uid;
    /// URL at which the account logs in.
    std::string login_endpoint;
    jose::PrivateKey key;
};

/// Reads the secret: `{"scheme": "RS256", "uid": …, "private_key": PEM, "login_endpoint": URL}`.
/// Throws `invalid_options` with what is wrong; no message shows any of the key.
///
/// @param source what messages call the document
ServiceAccount parse_service_account(std::string_view json, std::string_view source);

/// Reads a file, see `parse_service_account`; `invalid_options` also where it cannot be read.
ServiceAccount read_service_account(const std::filesystem::path& file);

}  // namespace pkgreg::cluster
