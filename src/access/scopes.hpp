// What may be done to what, as tokens and the requests for them write it (Docker token
// specification, "Token Scope" and "Token Access Claim").
#pragma once

#include "access/caller.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {
struct JsonValue;
}

namespace pkgreg::access {

/// A scope such as `repository:team/app:pull,push`. Nothing for a type that is not known, without a
/// name, or with no action that exists for it. The name is taken as it stands.
std::optional<Grant> parse_scope(std::string_view text);

/// The claim `access` of a token. Entries of types that are not known are left out, as are actions.
/// Throws `unauthorized` where it is not of the form that the specification gives it.
std::vector<Grant> parse_access(const JsonValue& claim);

/// The claim for these grants: a JSON array.
std::string access_json(std::span<const Grant> grants);

/// Scopes for these grants, separated by blanks.
std::string scope_text(std::span<const Grant> grants);

}  // namespace pkgreg::access
