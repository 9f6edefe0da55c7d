// JwkSet: the keys of whoever issues tokens (RFC 7517).
#pragma once

#include "base/jose.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::access {

/// Of more keys a set is refused: for a token that names none, each is tried.
inline constexpr std::size_t max_keys = 32;

/// A value.
class JwkSet {
 public:
    /// Reads a JWK set (section 5), or one JWK. Keys that sign nothing this registry takes are left
    /// out, as the specification asks: other types and curves, `use` for encryption, secrets
    /// (`oct`). Throws `invalid_options` with `source` where no key is left, and for RSA and P-256
    /// keys that are broken or too small.
    static JwkSet parse(std::string_view json, std::string_view source);

    /// The keys that a token may be signed with: of that algorithm and, where it names one, that
    /// name.
    std::vector<const jose::PublicKey*> find(jose::Algorithm algorithm,
                                             std::string_view key_id) const;

    std::size_t size() const noexcept { return keys_.size(); }

 private:
    struct Entry {
        std::string id;
        jose::PublicKey key;
    };
    std::vector<Entry> keys_;
};

}  // namespace pkgreg::access
