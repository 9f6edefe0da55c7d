#include "remote/authorization.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/http.hpp"

#include "base/mask_secrets.hpp"
#include "remote/auth_challenge.hpp"
#include "remote/registry_token.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

std::vector<AuthChallenge> challenges_of(const HttpAnswer& answer) {
    std::vector<AuthChallenge> all;
    for (const auto& [name, value] : answer.fields) {
        if (!same_field_name(name, "WWW-Authenticate")) continue;
        for (AuthChallenge& challenge : parse_challenges(value))
            all.push_back(std::move(challenge));
    }
    return all;
}

const AuthChallenge* find_scheme(const std::vector<AuthChallenge>& challenges,
                                 std::string_view scheme) {
    const auto found = std::ranges::find(challenges, scheme, &AuthChallenge::scheme);
    return found == challenges.end() ? nullptr : &*found;
}

}  // namespace

std::string answer_challenges(const HttpAnswer& refusal, std::string_view scope,
                              const std::optional<Credentials>& credentials, bool allow_plain,
                              const AskTokenServer& ask) {
    const std::vector<AuthChallenge> challenges = challenges_of(refusal);
    if (const AuthChallenge* bearer = find_scheme(challenges, "bearer")) {
        const TransferRequest request = token_request(*bearer, scope, credentials, allow_plain);
        if (const auto token = read_token(ask(request))) return "Bearer " + *token;
        throw Error(
            ErrorCode::unauthorized,
            masked_url(request.url.substr(0, request.url.find('?'))) + ": the answer has no token");
    }
    const bool basic = find_scheme(challenges, "basic") != nullptr;
    return basic && credentials ? basic_authorization(*credentials) : std::string();
}

}  // namespace pkgreg
