// Tokens for registries: what a Bearer challenge asks for, and the answer of the server that gives
// it (distribution specification, "Token Authentication").
#pragma once

#include "remote/auth_challenge.hpp"
#include "remote/credentials.hpp"
#include "web/transfer.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// The value of an `Authorization` field for Basic.
std::string basic_authorization(const Credentials& credentials);

/// The request for a token.
///
/// @param default_scope   what is asked for where the challenge does not say
/// @param allow_plain     whether credentials may be sent over plain HTTP
/// Throws `unauthorized` where the challenge names no usable server, or one to which the
/// credentials must not be sent.
TransferRequest token_request(const AuthChallenge& challenge, std::string_view default_scope,
                          const std::optional<Credentials>& credentials, bool allow_plain);

/// The token in an answer's body, or nothing.
std::optional<std::string> read_token(std::string_view json);

}  // namespace pkgreg
