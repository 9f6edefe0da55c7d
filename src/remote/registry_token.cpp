#include "remote/registry_token.hpp"

#include "pkgreg/error.hpp"

#include "base/mask_secrets.hpp"
#include "dcos/base64.hpp"

#include <simdjson.h>

#include <algorithm>

namespace pkgreg {
namespace {

constexpr std::string_view client = "pkgreg";

void append_parameter(std::string& out, std::string_view name, std::string_view value) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    constexpr std::string_view unreserved = "-._~";
    if (!out.empty() && out.back() != '?') out += '&';
    out.append(name).push_back('=');
    for (const char c : value) {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            unreserved.find(c) != std::string_view::npos) {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(digits[byte >> 4]);
            out.push_back(digits[byte & 15]);
        }
    }
}

void append_target(std::string& out, const AuthChallenge& challenge, std::string_view scope) {
    if (const auto service = challenge.get("service"); !service.empty()) {
        append_parameter(out, "service", service);
    }
    append_parameter(out, "scope", scope);
}

/// The server that gives tokens.
std::string checked_realm(const AuthChallenge& challenge, bool has_credentials, bool allow_plain) {
    std::string realm(challenge.get("realm"));
    const bool plain = realm.starts_with("http://");
    if (!plain && !realm.starts_with("https://")) {
        throw Error(ErrorCode::unauthorized, "the registry asks for a token, but '" +
                                                 masked_url(realm) +
                                                 "' is not the URL of a server that gives one");
    }
    if (plain && has_credentials && !allow_plain) {
        throw Error(ErrorCode::unauthorized, "the registry wants its credentials sent to " +
                                                 masked_url(realm) +
                                                 ", which is not encrypted; they were not sent");
    }
    return realm;
}

}  // namespace

std::string basic_authorization(const Credentials& credentials) {
    return "Basic " + to_base64(credentials.user + ":" + credentials.password);
}

TransferRequest token_request(const AuthChallenge& challenge, std::string_view default_scope,
                              const std::optional<Credentials>& credentials, bool allow_plain) {
    TransferRequest request{checked_realm(challenge, credentials.has_value(), allow_plain)};
    const std::string_view asked = challenge.get("scope");
    const std::string_view scope = asked.empty() ? default_scope : asked;
    if (credentials && !credentials->identity_token.empty()) {
        request.body.emplace();
        append_parameter(*request.body, "grant_type", "refresh_token");
        append_target(*request.body, challenge, scope);
        append_parameter(*request.body, "client_id", client);
        append_parameter(*request.body, "refresh_token", credentials->identity_token);
        request.fields.emplace_back("Content-Type: application/x-www-form-urlencoded");
        return request;
    }
    if (request.url.find('?') == std::string::npos) request.url += '?';
    append_target(request.url, challenge, scope);
    if (credentials) {
        append_parameter(request.url, "account", credentials->user);
        append_parameter(request.url, "client_id", client);
        request.fields.push_back("Authorization: " + basic_authorization(*credentials));
    }
    return request;
}

std::optional<std::string> read_token(std::string_view json) {
    simdjson::dom::parser parser;
    simdjson::dom::element document;
    if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    // A token becomes part of a field's line.
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    for (const char* name : {"token", "access_token"}) {
        std::string_view token;
        if (document[name].get(token) == simdjson::SUCCESS && !token.empty() &&
            std::ranges::all_of(token, is_visible)) {
            return std::string(token);
        }
    }
    return std::nullopt;
}

}  // namespace pkgreg
