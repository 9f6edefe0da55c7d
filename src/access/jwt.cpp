#include "access/jwt.hpp"

#include "pkgreg/error.hpp"

#include "access/identity_kinds.hpp"
#include "access/scopes.hpp"
#include "base/base64url.hpp"
#include "base/json.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pkgreg::access {
namespace {

[[noreturn]] void refuse_jwt(std::string problem) {
    throw Error(ErrorCode::unauthorized, "the token " + std::move(problem));
}

/// A part as a JSON object.
JsonValue read_object(std::string_view part, std::string_view what) {
    const auto bytes = from_base64url(part);
    if (!bytes) refuse_jwt("is malformed: its " + std::string(what) + " is not base64url");
    JsonValue value;
    try {
        value = parse_json(*bytes, what);
    } catch (const Error& error) {
        refuse_jwt("is malformed: " + error.message());
    }
    if (value.type != JsonValue::Type::object) {
        refuse_jwt("is malformed: its " + std::string(what) + " is no object");
    }
    return value;
}

const std::string& text_of(const JsonMember& member) {
    if (member.value.type != JsonValue::Type::string) {
        refuse_jwt("is malformed: " + member.name + " is " + member.value.describe() +
                   ", not a text");
    }
    return member.value.text;
}

double time_of(const JsonMember& member) {
    if (member.value.type != JsonValue::Type::number || !std::isfinite(member.value.number) ||
        member.value.number < 0) {
        refuse_jwt("is malformed: " + member.name + " is " + member.value.describe() +
                   ", not a number of seconds since 1970");
    }
    return member.value.number;
}

std::vector<std::string> texts_of(const JsonMember& member) {
    if (member.value.type == JsonValue::Type::string) return {member.value.text};
    std::vector<std::string> texts;
    bool well_formed = member.value.type == JsonValue::Type::array;
    for (const JsonValue& item : member.value.items) {
        well_formed = well_formed && item.type == JsonValue::Type::string;
        texts.push_back(item.text);
    }
    if (!well_formed) {
        refuse_jwt("is malformed: " + member.name + " is neither a text nor an array of texts");
    }
    return texts;
}

Identity identity_of(const JsonMember& claim) {
    Identity identity;
    for (const JsonMember& member : claim.value.members) {
        if (member.name == "kind") {
            const auto kind = parse_identity_kind(text_of(member));
            if (!kind) refuse_jwt("is malformed: it is for an unknown kind of identity");
            identity.kind = *kind;
        } else if (member.name == "groups") {
            identity.groups = texts_of(member);
        }
    }
    return identity;
}

void read_header(std::string_view part, Jwt& token) {
    const JsonValue header = read_object(part, "header");
    bool has_algorithm = false;
    for (const JsonMember& member : header.members) {
        if (member.name == "alg") {
            const std::string& name = text_of(member);
            has_algorithm = true;
            if (name == to_string(jose::Algorithm::rs256)) {
                token.algorithm = jose::Algorithm::rs256;
            } else if (name == to_string(jose::Algorithm::es256)) {
                token.algorithm = jose::Algorithm::es256;
            } else {
                refuse_jwt("is not signed with RS256 or ES256");
            }
        } else if (member.name == "kid") {
            token.key_id = text_of(member);
        } else if (member.name == "crit") {
            refuse_jwt("has extensions that must be understood (crit), and are not");
        }
    }
    if (!has_algorithm) refuse_jwt("is malformed: its header has no alg");
}

Claims read_claims(std::string_view part) {
    const JsonValue object = read_object(part, "claims");
    Claims claims;
    for (const JsonMember& member : object.members) {
        const std::string& name = member.name;
        if (name == "iss") claims.issuer = text_of(member);
        if (name == "sub") claims.subject = text_of(member);
        if (name == "uid") claims.uid = text_of(member);
        if (name == "aud") claims.audience = texts_of(member);
        if (name == "exp") claims.expires = time_of(member);
        if (name == "nbf") claims.not_before = time_of(member);
        if (name == "iat") claims.issued_at = time_of(member);
        if (name == "access") claims.access = parse_access(member.value);
        if (name == "pkgreg") claims.identity = identity_of(member);
    }
    return claims;
}

}  // namespace

Jwt Jwt::parse(std::string_view text) {
    if (text.size() > max_token_size) {
        refuse_jwt("is longer than " + std::to_string(max_token_size) + " bytes");
    }
    const std::size_t first = text.find('.');
    const std::size_t last = text.rfind('.');
    if (first == text.npos || first == last || text.find('.', first + 1) != last) {
        refuse_jwt("is malformed: it has no three parts");
    }
    Jwt token{};
    token.signed_text = text.substr(0, last);
    read_header(text.substr(0, first), token);
    auto signature = from_base64url(text.substr(last + 1));
    if (!signature || signature->empty()) refuse_jwt("is malformed: it has no signature");
    token.signature = *std::move(signature);
    token.claims = read_claims(text.substr(first + 1, last - first - 1));
    return token;
}

bool looks_like_jwt(std::string_view text) noexcept {
    return text.starts_with("eyJ") && std::ranges::count(text, '.') == 2;
}

void check_times(const Claims& claims, std::int64_t now) {
    if (!claims.expires) refuse_jwt("never expires (it has no exp); such tokens are not taken");
    if (now >= end_of(claims)) refuse_jwt("is expired; get a new one");
    const auto latest = static_cast<double>(now + clock_leeway);
    if (claims.not_before && *claims.not_before > latest) {
        refuse_jwt("is not valid yet (nbf); is the clock of one of the machines wrong?");
    }
    if (claims.issued_at && *claims.issued_at > latest) {
        refuse_jwt("was issued in the future (iat); is the clock of one of the machines wrong?");
    }
}

std::int64_t end_of(const Claims& claims) noexcept {
    constexpr double far = 1e15;  // fits the type, whatever a token says
    return static_cast<std::int64_t>(std::ceil(std::min(claims.expires.value_or(0), far))) +
           clock_leeway;
}

void check_parties(const Claims& claims, std::string_view issuer, std::string_view audience) {
    if (!issuer.empty() && claims.issuer != issuer) {
        refuse_jwt("is of another issuer (iss) than this registry trusts");
    }
    if (std::ranges::find(claims.audience, audience) == claims.audience.end()) {
        refuse_jwt("is for another service (aud) than '" + std::string(audience) + "'");
    }
}

}  // namespace pkgreg::access
