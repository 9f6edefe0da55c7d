// The names of the kinds of identities, as the policy file, logs and tokens write them.
#pragma once

#include "pkgreg/access.hpp"

#include <optional>
#include <string_view>

namespace pkgreg::access {

constexpr std::string_view to_string(IdentityKind kind) noexcept {
    switch (kind) {
        case IdentityKind::anonymous: return "anonymous";
        case IdentityKind::basic: return "basic";
        case IdentityKind::token: return "token";
        case IdentityKind::dcos: return "dcos";
        case IdentityKind::certificate: return "certificate";
        case IdentityKind::embedder: return "embedder";
    }
    return "";
}

constexpr std::optional<IdentityKind> parse_identity_kind(std::string_view name) noexcept {
    for (const IdentityKind kind :
         {IdentityKind::anonymous, IdentityKind::basic, IdentityKind::token, IdentityKind::dcos,
          IdentityKind::certificate, IdentityKind::embedder}) {
        if (to_string(kind) == name) return kind;
    }
    return std::nullopt;
}

}  // namespace pkgreg::access
