#include "cluster/session.hpp"

#include "pkgreg/error.hpp"

#include "base/base64url.hpp"
#include "base/jose.hpp"
#include "base/json.hpp"
#include "base/json_text.hpp"
#include "base/mask_secrets.hpp"
#include "base/printable.hpp"
#include "cluster/private_file.hpp"
#include "cluster/secure_url.hpp"
#include "cluster/service_account.hpp"
#include "web/document.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace pkgreg::cluster {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

/// Of the token by which the account logs in: long enough for clocks that differ a little.
constexpr seconds login_lifetime{300};
/// How long a token is used that does not say when it ends.
constexpr seconds unknown_lifetime{300};

const std::string* text_member(const JsonValue& document, std::string_view name) {
    const auto found = std::ranges::find(document.members, name, &JsonMember::name);
    const bool is_text =
        found != document.members.end() && found->value.type == JsonValue::Type::string;
    return is_text ? &found->value.text : nullptr;
}

/// Whether the same request may get another answer in a moment: the masters' proxy answers so while
/// a service starts.
bool means_later(long status) {
    return status >= 500 || status == 429 || status == 408 || (status != 200 && status < 400);
}

[[noreturn]] void throw_later(const std::string& url, const HttpAnswer& answer) {
    throw Error(ErrorCode::unavailable, masked_url(url) + " answers " +
                                            std::to_string(answer.status) + reason_in(answer.body));
}

std::string login_body(const ServiceAccount& account) {
    const auto now = system_clock::now().time_since_epoch();
    const auto end = std::chrono::duration_cast<seconds>(now + login_lifetime).count();
    const std::string uid = json_string(account.uid);
    const std::string token =
        jose::sign(account.key, "{\"uid\":" + uid + ",\"exp\":" + std::to_string(end) + "}");
    return "{\"uid\":" + uid + ",\"token\":" + json_string(token) + "}";
}

/// A token goes into a header field.
bool is_token(std::string_view text) {
    return !text.empty() && text.size() <= 16 * 1024 &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::string reason_in(std::string_view body) {
    std::string text;
    const auto add = [&](const std::string* part) {
        if (part == nullptr || part->empty()) return;
        text += ": ";
        append_printable(text, std::string_view(*part).substr(0, 500));
    };
    try {
        const JsonValue document = parse_json(body, "");
        add(text_member(document, "title"));
        add(text_member(document, "description"));
        add(text_member(document, "message"));
        const auto errors = std::ranges::find(document.members, "errors", &JsonMember::name);
        if (errors != document.members.end() && !errors->value.items.empty()) {
            add(text_member(errors->value.items.front(), "message"));
        }
    } catch (const Error&) {
        // A page of a proxy; its status says enough.
    }
    return text;
}

std::string parse_login_answer(std::string_view body) {
    try {
        const JsonValue document = parse_json(body, "");
        const std::string* const token = text_member(document, "token");
        if (token != nullptr && is_token(*token)) return *token;
    } catch (const Error&) {
        // Nothing of the answer is shown: it may hold the token.
    }
    throw Error(ErrorCode::unavailable, "the answer is no JSON object with a text \"token\"");
}

std::optional<system_clock::time_point> end_of_token(std::string_view token) {
    const std::size_t begin = token.find('.');
    if (begin == token.npos) return std::nullopt;
    const std::size_t end = token.find('.', begin + 1);
    if (end == token.npos) return std::nullopt;
    try {
        const auto claims = from_base64url(token.substr(begin + 1, end - begin - 1));
        if (!claims) return std::nullopt;
        const JsonValue document = parse_json(*claims, "");
        const auto exp = std::ranges::find(document.members, "exp", &JsonMember::name);
        // Beyond the year 9999 the number is no time.
        if (exp == document.members.end() || exp->value.type != JsonValue::Type::number ||
            exp->value.number < 0 || exp->value.number > 253402300799.0) {
            return std::nullopt;
        }
        return system_clock::time_point(seconds(static_cast<std::int64_t>(exp->value.number)));
    } catch (const Error&) {
        return std::nullopt;
    }
}

Session::Session(SessionOptions options) : options_(std::move(options)) {
    while (options_.url.ends_with('/')) options_.url.pop_back();
    if (!is_secure_url(options_.url)) {
        throw Error(ErrorCode::invalid_options,
                    "pkgreg.cluster.url: must be a URL that begins with https://, such as "
                    "https://master.mesos");
    }
    if (!options_.ca_file.empty()) {
        try {
            read_small_file(options_.ca_file);
        } catch (const Error& error) {
            throw Error(ErrorCode::invalid_options,
                        "pkgreg.cluster.ca: " + error.message() +
                            "; name the PEM file of the authorities that vouch for the masters "
                            "with --cluster-ca");
        }
    }
    try {
        uid_ = read_service_account(options_.account).uid;
    } catch (const Error& error) {
        throw Error(error.code(),
                    "registry.service-account-secret-path: " + std::string(error.message()));
    }
}

HttpAnswer Session::exchange(const std::string& url, const std::optional<std::string>& body,
                             const std::string& token, int stop_fd) const {
    DocumentRequest request;
    request.url = url;
    request.ca_file = options_.ca_file;
    request.stop_fd = stop_fd;
    request.fields = {"Accept: application/json, application/octet-stream"};
    if (body) request.fields.push_back("Content-Type: application/json");
    if (!token.empty()) request.fields.push_back("Authorization: token=" + token);
    request.body = body;
    try {
        return fetch_document(request);
    } catch (const Error& error) {
        // Who answers with so much is not who was asked.
        if (error.code() != ErrorCode::too_large) throw;
        throw Error(ErrorCode::unavailable, std::string(error.message()));
    }
}

/// The token that is kept, or a new one where it ends soon.
const std::string& Session::token(int stop_fd) {
    const auto now = Clock::now();
    if (!token_.empty() && now < renewal_) return token_;
    token_.clear();
    // Read again: the account may have got another key.
    const ServiceAccount account = read_service_account(options_.account);
    uid_ = account.uid;
    const std::string& url = account.login_endpoint;
    const HttpAnswer answer = exchange(url, login_body(account), {}, stop_fd);
    if (answer.status == 200) {
        try {
            token_ = parse_login_answer(answer.body);
        } catch (const Error& error) {
            throw Error(error.code(), masked_url(url) + ": " + std::string(error.message()));
        }
        // Early enough for a clock that is behind the masters'.
        const auto end = end_of_token(token_);
        renewal_ = end && *end > now ? now + (*end - now) / 2 : now + unknown_lifetime;
        return token_;
    }
    if (means_later(answer.status) || answer.status == 404) throw_later(url, answer);
    throw Error(ErrorCode::unauthorized,
                "IAM does not take the service account " + uid_ + ": " + masked_url(url) +
                    " answers " + std::to_string(answer.status) + reason_in(answer.body) +
                    "; the account must exist, its public key must belong to the private key in " +
                    options_.account.string() + ", and this machine's clock must be right");
}

HttpAnswer Session::ask(const std::string& path, const std::optional<std::string>& body,
                        int stop_fd) {
    const std::string kept = token_;
    HttpAnswer answer = exchange(url_of(path), body, token(stop_fd), stop_fd);
    if (answer.status == 401) {
        const bool was_kept = token_ == kept;
        token_.clear();
        // IAM may have been set up anew since; a new token is not refused for its age.
        if (was_kept) answer = exchange(url_of(path), body, token(stop_fd), stop_fd);
    }
    if (means_later(answer.status)) throw_later(url_of(path), answer);
    return answer;
}

HttpAnswer Session::ask_openly(const std::string& path, const std::optional<std::string>& body,
                               int stop_fd) const {
    HttpAnswer answer = exchange(url_of(path), body, {}, stop_fd);
    if (means_later(answer.status)) throw_later(url_of(path), answer);
    return answer;
}

}  // namespace pkgreg::cluster
