// Credentials: who asks a registry.
#pragma once

#include <string>

namespace pkgreg {

/// Who asks a registry. Its secret is shown nowhere.
struct Credentials {
    std::string user = {};
    std::string password = {};
    /// A refresh token that takes the place of user and password, or empty.
    std::string identity_token = {};

    friend bool operator==(const Credentials&, const Credentials&) = default;
};

}  // namespace pkgreg
