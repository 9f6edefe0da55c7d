// Authorization: what a client answers to a registry that asks who it is.
#pragma once

#include "remote/credentials.hpp"
#include "web/http_answer.hpp"
#include "web/transfer.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg {

/// The body of a token server's answer with status 200. Throws for any other.
using AskTokenServer = std::function<std::string(const TransferRequest& request)>;

/// The value of an `Authorization` field that answers a refusal with status 401: a token, where the
/// registry names a server that gives tokens, else the credentials; empty where neither can be.
///
/// @param scope       what the token is for where the registry does not say
/// @param allow_plain whether credentials may be sent over plain HTTP
/// Throws `unauthorized`, and what `ask` throws.
std::string answer_challenges(const HttpAnswer& refusal, std::string_view scope,
                              const std::optional<Credentials>& credentials, bool allow_plain,
                              const AskTokenServer& ask);

}  // namespace pkgreg
