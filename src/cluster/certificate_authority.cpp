#include "cluster/certificate_authority.hpp"

#include "pkgreg/error.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/printable.hpp"
#include "cluster/session.hpp"
#include "web/http_answer.hpp"

#include <algorithm>
#include <cstddef>

namespace pkgreg::cluster {
namespace {

using Type = JsonValue::Type;

const JsonValue* member(const JsonValue& object, std::string_view name, Type type) {
    const auto found = std::ranges::find(object.members, name, &JsonMember::name);
    const bool right = found != object.members.end() && found->value.type == type;
    return right ? &found->value : nullptr;
}

[[noreturn]] void not_an_answer(std::string_view what) {
    throw Error(ErrorCode::unavailable,
                "the answer is not one of a certificate authority (CFSSL): " + std::string(what));
}

/// `7: message; 8: message`.
std::string errors_text(const JsonValue& document) {
    std::string text;
    const JsonValue* const errors = member(document, "errors", Type::array);
    if (errors == nullptr) return text;
    for (const JsonValue& error : errors->items) {
        const JsonValue* const code = member(error, "code", Type::number);
        const JsonValue* const message = member(error, "message", Type::string);
        if (message == nullptr || text.size() > 1000) continue;
        if (!text.empty()) text += "; ";
        append_printable(text, std::string_view(message->text).substr(0, 500));
        if (code != nullptr) text += " (" + code->text + ")";
    }
    return text;
}

/// What an answer without a certificate means.
[[noreturn]] void refuse(const Session& session, const std::string& url, const HttpAnswer& answer,
                         const std::string& why) {
    const std::string told = url + " answers " + std::to_string(answer.status) +
                             (why.empty() ? reason_in(answer.body) : ": " + why);
    switch (answer.status) {
        case 404: throw Error(ErrorCode::unavailable, told);
        case 401:
            throw Error(ErrorCode::denied,
                        told +
                            "; it does not take the token that IAM gave to the service "
                            "account " +
                            session.uid());
        case 403:
            throw Error(ErrorCode::denied, told + "; give the service account " + session.uid() +
                                               " the permission dcos:adminrouter:ops:ca:rw full");
        default:
            throw Error(ErrorCode::denied,
                        "the cluster's authority does not sign: " + told +
                            "; its profile must allow the names of pkgreg.cluster.names and the "
                            "service's own, or name another one with pkgreg.cluster.profile");
    }
}

std::string certificate_in(const Session& session, const std::string& path,
                           const HttpAnswer& answer) {
    const std::string url = session.url_of(path);
    CaAnswer parsed;
    try {
        parsed = parse_ca_answer(answer.body);
    } catch (const Error& error) {
        // A proxy's page says nothing but its status.
        if (answer.status != 200) refuse(session, url, answer, {});
        throw Error(error.code(), url + ": " + std::string(error.message()));
    }
    if (answer.status != 200 || parsed.certificate.empty()) {
        refuse(session, url, answer, parsed.refusal);
    }
    return std::move(parsed.certificate);
}

}  // namespace

CaAnswer parse_ca_answer(std::string_view body) {
    JsonValue document;
    try {
        document = parse_json(body, "");
    } catch (const Error&) {
        not_an_answer("it is no JSON");
    }
    if (document.type != Type::object) not_an_answer("it is no JSON object");
    const JsonValue* const success = member(document, "success", Type::boolean);
    if (success == nullptr) not_an_answer("it has no \"success\"");
    if (!success->boolean) return {{}, errors_text(document)};
    const JsonValue* const result = member(document, "result", Type::object);
    const JsonValue* const certificate =
        result != nullptr ? member(*result, "certificate", Type::string) : nullptr;
    if (certificate == nullptr || certificate->text.empty()) {
        not_an_answer("it has no \"result\" with a text \"certificate\"");
    }
    return {certificate->text, {}};
}

std::string sign_request(Session& session, const std::string& request,
                         const std::vector<std::string>& hosts, const std::string& profile,
                         int stop_fd) {
    std::string body = "{\"certificate_request\":" + json_string(request) + ",\"hosts\":[";
    for (std::size_t i = 0; i < hosts.size(); ++i) {
        if (i != 0) body += ',';
        append_json_string(body, hosts[i]);
    }
    body += "],\"profile\":" + json_string(profile) + "}";
    const std::string path = "/ca/api/v2/sign";
    return certificate_in(session, path, session.ask(path, body, stop_fd));
}

std::string authority_certificate(const Session& session, const std::string& profile, int stop_fd) {
    const std::string path = "/ca/api/v2/info";
    const std::string body = "{\"label\":\"\",\"profile\":" + json_string(profile) + "}";
    return certificate_in(session, path, session.ask_openly(path, body, stop_fd));
}

}  // namespace pkgreg::cluster
