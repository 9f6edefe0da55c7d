#include "protocol/token/endpoint.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/names.hpp"

#include "access/credentials.hpp"
#include "access/scopes.hpp"
#include "base/base64url.hpp"
#include "base/json_text.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

namespace pkgreg {
namespace {

using access::ActionSet;
using access::CallerPtr;
using access::Grant;
using access::ResourceKind;

constexpr std::size_t max_form = 65536;
/// A push that mounts asks for two; no client asks for more than a handful.
constexpr std::size_t max_scopes = 100;

HttpResponse unauthorized(const std::string& problem) {
    HttpResponse response = error_response(Error(ErrorCode::unauthorized, problem));
    // Not a place that gives out tokens: it is this one.
    response.header("WWW-Authenticate", R"(Basic realm="pkgreg", charset="UTF-8")");
    return response;
}

/// RFC 6749, section 5.2.
HttpResponse oauth_error(std::string_view code, std::string_view description) {
    std::string text = R"({"error":")" + std::string(code) + R"(","error_description":)";
    append_json_string(text, description);
    HttpResponse response = json_response(400, text + "}\n");
    response.header("Cache-Control", "no-store");
    return response;
}

/// RFC 3339.
std::string time_text(std::int64_t seconds) {
    const std::time_t time = seconds;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 32> text;
    return std::string(text.data(),
                       std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
}

/// As it is written in the field: base64 with its own alphabet (RFC 7617).
std::string basic_field(std::string_view name, std::string_view password) {
    std::string text = to_base64url(std::string(name).append(":").append(password));
    for (char& c : text) {
        if (c == '-') c = '+';
        if (c == '_') c = '/';
    }
    return "Basic " + text;
}

/// The fields of a request, with `Authorization` as given in place of its own.
std::vector<HeaderField> fields_with(const HttpRequest& request, std::string_view authorization) {
    std::vector<HeaderField> fields;
    for (const HeaderField& field : request.headers) {
        if (!same_field_name(field.name, "Authorization")) fields.push_back(field);
    }
    fields.push_back({"Authorization", authorization});
    return fields;
}

/// Names that no repository can have get no grant, so nothing odd is ever signed.
bool is_possible(const Grant& grant) {
    return grant.kind != ResourceKind::repository ||
           RepositoryName::try_parse(grant.name).has_value();
}

void add(std::vector<Grant>& grants, Grant grant) {
    const auto same = std::ranges::find_if(grants, [&](const Grant& other) {
        return other.kind == grant.kind && other.name == grant.name;
    });
    if (same == grants.end()) {
        grants.push_back(std::move(grant));
    } else {
        same->actions = same->actions | grant.actions;
    }
}

}  // namespace

awaitable<HttpResponse> TokenEndpoint::handle(const HttpRequest& request,
                                              const Target& target) const {
    if (request.method == HttpMethod::post) co_return co_await answer_form(request);
    if (!reads(request.method)) co_return method_not_allowed("GET, HEAD, POST");
    co_return co_await answer(request, target);
}

awaitable<HttpResponse> TokenEndpoint::answer_form(const HttpRequest& request) const {
    std::string text;
    if (request.body != nullptr) text = co_await read_all(*request.body, max_form, "form");
    const Target form = Target::parse("/token?" + text);
    const std::string_view grant_type = form.query("grant_type").value_or("");
    if (grant_type != "password") {
        co_return oauth_error(grant_type.empty() ? "invalid_request" : "unsupported_grant_type",
                              "only grant_type=password is taken, with username and password");
    }
    const auto name = form.query("username");
    const auto password = form.query("password");
    if (!name || !password) {
        co_return oauth_error("invalid_request", "username and password are missing");
    }
    const std::string authorization = basic_field(*name, *password);
    const std::vector<HeaderField> fields = fields_with(request, authorization);
    HttpRequest asking = request;
    asking.headers = fields;
    co_return co_await answer(asking, form);
}

awaitable<HttpResponse> TokenEndpoint::answer(const HttpRequest& request,
                                              const Target& asked) const {
    const access::TokenIssuer& issuer = *authenticator_.issuer();
    const auto service = asked.query("service");
    if (service && !service->empty() && *service != issuer.service()) {
        co_return oauth_error("invalid_request",
                              "tokens are made for the service '" + issuer.service() + "' only");
    }
    std::string problem;
    const CallerPtr caller = co_await caller_of(request, problem);
    if (!caller) co_return unauthorized(problem);
    const std::vector<Grant> given = grants(caller, asked);
    const std::int64_t now = std::time(nullptr);
    const std::string jwt = co_await issuer.issue(caller->identity, given, now);
    const std::string token = json_string(jwt);
    std::string text =
        "{\"token\":" + token + ",\"access_token\":" + token +
        ",\"token_type\":\"Bearer\",\"expires_in\":" + std::to_string(issuer.lifetime().count()) +
        ",\"issued_at\":\"" + time_text(now) + "\",\"scope\":";
    append_json_string(text, access::scope_text(given));
    HttpResponse response = json_response(200, text + "}\n");
    response.header("Cache-Control", "no-store");
    co_return response;
}

awaitable<CallerPtr> TokenEndpoint::caller_of(const HttpRequest& request,
                                              std::string& problem) const {
    if (request.identity != nullptr) {
        auto caller = std::make_shared<access::Caller>();
        caller->identity = *request.identity;
        co_return caller;
    }
    // Else a token could be made out of a token, again and again, and would never end.
    if (access::Credentials::of(request).scheme == access::Scheme::bearer) {
        problem = "tokens are not given for bearer tokens; bring a name and password";
        co_return nullptr;
    }
    CallerPtr caller = authenticator_.known(request);
    if (caller) co_return caller;
    try {
        caller = co_await authenticator_.identify(request);
    } catch (const Error& error) {
        if (error.code() != ErrorCode::unauthorized) throw;
        problem = error.message();
    }
    co_return caller;
}

std::vector<Grant> TokenEndpoint::grants(const CallerPtr& caller, const Target& asked) const {
    std::vector<Grant> given;
    std::size_t count = 0;
    for (std::string_view scopes : asked.queries("scope")) {
        while (!scopes.empty()) {
            const std::size_t end = std::min(scopes.find(' '), scopes.size());
            auto grant = access::parse_scope(scopes.substr(0, end));
            scopes.remove_prefix(std::min(end + 1, scopes.size()));
            if (++count > max_scopes) {
                throw Error(ErrorCode::invalid_argument, "more than " + std::to_string(max_scopes) +
                                                             " scopes; ask for fewer at once");
            }
            if (!grant || !is_possible(*grant)) continue;
            grant->actions = grant->actions & allowed_(caller, *grant);
            if (!grant->actions.empty()) add(given, *std::move(grant));
        }
    }
    return given;
}

}  // namespace pkgreg
