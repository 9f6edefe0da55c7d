// Keys and tokens for tests: signed for real, or wrong in exactly one way.
#pragma once

#include "base/base64url.hpp"
#include "base/jose.hpp"

#include <cstdint>
#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>

namespace pkgreg::access {

/// An RSA key with 2,048 bits, the same in the whole process.
const jose::PrivateKey& rsa_key();
/// A key on P-256, the same in the whole process.
const jose::PrivateKey& ec_key();

/// A JWK set of these keys, each under its thumbprint.
inline std::string jwk_set(std::initializer_list<jose::PrivateKey> keys) {
    std::string text = "{\"keys\":[";
    for (const jose::PrivateKey& key : keys) {
        if (text.back() != '[') text += ',';
        text += key.public_key().jwk();
    }
    return text + "]}";
}

inline std::int64_t seconds_now() {
    return std::time(nullptr);
}

/// Claims of an issuer's token that is good for five minutes, and whatever `more` says, such as
/// `,"nbf":1`.
inline std::string claims(std::string_view more = "", std::int64_t expires_in = 300) {
    return R"({"iss":"issuer","sub":"alice","aud":"pkgreg","exp":)" +
           std::to_string(seconds_now() + expires_in) + std::string(more) + "}";
}

/// A token signed by that key, which it names.
inline std::string token(const jose::PrivateKey& key, std::string_view claims) {
    return jose::sign(key, claims, key.public_key().thumbprint());
}

/// A token with that header, whatever it says, signed by that key.
inline std::string token_with_header(const jose::PrivateKey& key, std::string_view header,
                                     std::string_view claims) {
    std::string text = to_base64url(header) + "." + to_base64url(claims);
    return text + "." + to_base64url(key.signature(text));
}

}  // namespace pkgreg::access
