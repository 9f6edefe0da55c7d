// What a server asks for with 401: the challenges of WWW-Authenticate (RFC 9110, section 11.6.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

struct AuthChallenge {
    /// In lower case: `bearer`, `basic`.
    std::string scheme;
    /// Names in lower case, values without their quotes, in the order of the field.
    std::vector<std::pair<std::string, std::string>> parameters = {};

    /// The value of a parameter, or an empty text.
    std::string_view get(std::string_view name) const noexcept;
};

/// Reads all challenges of one field. What breaks the grammar ends the list; what was read in front
/// of it counts.
std::vector<AuthChallenge> parse_challenges(std::string_view field);

}  // namespace pkgreg
