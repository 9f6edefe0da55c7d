#include "cluster/service_account.hpp"

#include "pkgreg/error.hpp"

#include "base/json.hpp"
#include "base/json_text.hpp"
#include "cluster/private_file.hpp"
#include "cluster/secure_url.hpp"

#include <algorithm>
#include <cstddef>

namespace pkgreg::cluster {
namespace {

constexpr std::string_view form =
    R"({"scheme": "RS256", "uid": "…", "private_key": "…", "login_endpoint": "…"})";

[[noreturn]] void refuse(std::string_view source, std::string_view problem) {
    throw Error(ErrorCode::invalid_options, std::string(source).append(": ").append(problem) +
                                                "; a service account's secret is a JSON object " +
                                                std::string(form));
}

/// The text of a member. What it holds is not shown: with two members mixed up it is the key.
const std::string& text_of(const JsonValue& document, std::string_view name,
                           std::string_view source) {
    const auto found = std::ranges::find(document.members, name, &JsonMember::name);
    if (found == document.members.end()) {
        refuse(source, "has no \"" + std::string(name) + "\"");
    }
    if (found->value.type != JsonValue::Type::string || found->value.text.empty()) {
        refuse(source, "\"" + std::string(name) + "\" is no text");
    }
    return found->value.text;
}

bool is_visible(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// The parser's messages may quote a name of the document, which a secret of another form could
/// have at that place; so only that it is no JSON is told.
JsonValue read_json(std::string_view json, std::string_view source) {
    try {
        return parse_json(json, source);
    } catch (const Error&) {
        refuse(source, "is not JSON, or has a name twice");
    }
}

jose::PrivateKey read_key(std::string_view pem, std::string_view source) {
    try {
        return jose::PrivateKey::from_pem(pem);
    } catch (const Error&) {
        refuse(source, "\"private_key\" is no private key: it must be PEM without a passphrase");
    }
}

}  // namespace

ServiceAccount parse_service_account(std::string_view json, std::string_view source) {
    const JsonValue document = read_json(json, source);
    if (document.type != JsonValue::Type::object) refuse(source, "is no object");
    if (text_of(document, "scheme", source) != "RS256") {
        refuse(source, "\"scheme\" is not \"RS256\", the only one that DC/OS has");
    }
    const std::string& uid = text_of(document, "uid", source);
    if (uid.size() > 256 || !is_visible(uid)) {
        refuse(source, "\"uid\" is not the name of an account");
    }
    const std::string& login = text_of(document, "login_endpoint", source);
    if (!is_visible(login) || !is_secure_url(login)) {
        refuse(source, "\"login_endpoint\" is no URL that begins with https://");
    }
    jose::PrivateKey key = read_key(text_of(document, "private_key", source), source);
    if (key.algorithm() != jose::Algorithm::rs256) {
        refuse(source, "\"private_key\" is no RSA key, as RS256 needs");
    }
    return {uid, login, std::move(key)};
}

ServiceAccount read_service_account(const std::filesystem::path& file) {
    return parse_service_account(read_small_file(file), file.string());
}

}  // namespace pkgreg::cluster
