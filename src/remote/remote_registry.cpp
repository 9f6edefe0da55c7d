#include "remote/remote_registry.hpp"

#include "base/mask_secrets.hpp"
#include "remote/authorization.hpp"
#include "web/document_sink.hpp"

#include <filesystem>
#include <utility>

namespace pkgreg {
namespace {

constexpr std::size_t max_token = std::size_t{1} << 20;
constexpr std::size_t max_error_text = 16 * 1024;
constexpr int max_redirects = 10;
/// The answers with 401 after which a request is given up. A token may end during a long upload
/// that is then sent again, so a second renewal is honest.
constexpr int max_refusals = 3;

std::optional<Credentials> credentials_of(const RemoteOptions& options) {
    if (options.username.empty() && options.password.empty()) return std::nullopt;
    return Credentials{options.username, options.password};
}

TransferSettings settings_of(const RemoteOptions& options, CopyWatch& watch) {
    if (!options.ca_file.empty() && !std::filesystem::is_regular_file(options.ca_file)) {
        throw Error(ErrorCode::invalid_argument,
                    "there is no file " + options.ca_file + " of authorities to trust (ca)");
    }
    return {.ca_file = options.ca_file,
            .stall_timeout = options.stall_timeout,
            .waiting = [&watch] { watch.wait(); },
            .ca_advice = "the option 'ca' names a PEM file of further authorities to trust"};
}

ErrorCode code_of(long status, const Refusals& refusals) {
    switch (status) {
        case 401: return ErrorCode::unauthorized;
        case 403: return ErrorCode::denied;
        case 404: return refusals.not_found;
        case 405: return ErrorCode::unsupported;
        case 413: return ErrorCode::too_large;
        case 429: return ErrorCode::too_many_requests;
        default: break;
    }
    return status >= 400 && status < 500 ? refusals.bad_request : ErrorCode::unavailable;
}

}  // namespace

RemoteRegistry::RemoteRegistry(RemoteImage image, Access access, const RemoteOptions& options,
                               CopyWatch& watch)
    : image_(std::move(image)),
      access_(access),
      base_url_(image_.base_url()),
      credentials_(credentials_of(options)),
      retries_(options.retries),
      watch_(watch),
      transfer_(settings_of(options, watch)) {}

std::string RemoteRegistry::context() const {
    return (access_ == Access::pull ? "pull of " : "push to ") + image_.repository();
}

HttpAnswer RemoteRegistry::ask(const TransferRequest& request, std::size_t max_size) {
    const Perform perform = [&](const TransferRequest& r) { return document(r, max_size); };
    return ask_by([&](const TransferRequest& r) { return authorized(r, perform); }, request);
}

HttpAnswer RemoteRegistry::ask_by(const Perform& perform, const TransferRequest& request) {
    for (Tries tries(retries_);;) {
        try {
            HttpAnswer answer = perform(request);
            if (!before_another_try(tries, answer)) return answer;
        } catch (const TransferError& error) {
            before_another_try(tries, error);
        }
    }
}

HttpAnswer RemoteRegistry::document(const TransferRequest& request, std::size_t max_size) {
    DocumentSink sink(request.url, max_size);
    HttpAnswer answer = transfer_.perform(request, sink);
    answer.body = std::move(sink.body);
    return answer;
}

HttpAnswer RemoteRegistry::authorized(const TransferRequest& request, const Perform& perform) {
    for (int refusals = 0;; ++refusals) {
        TransferRequest signed_request = request;
        // A `Location` may lead elsewhere, to a server that must not learn who asks.
        const bool own = is_same_server(request.url, base_url_);
        if (own && !authorization_.empty()) {
            signed_request.fields.push_back("Authorization: " + authorization_);
        }
        HttpAnswer answer = redirected(std::move(signed_request), perform);
        if (answer.status != 401 || !own || refusals == max_refusals) return answer;
        std::string renewed = renew(answer);
        if (renewed.empty() || renewed == authorization_) return answer;
        authorization_ = std::move(renewed);
    }
}

HttpAnswer RemoteRegistry::redirected(TransferRequest request, const Perform& perform) {
    for (int redirects = 0;; ++redirects) {
        HttpAnswer answer = perform(request);
        // libcurl follows those of GET and HEAD; others keep their method with these two only.
        const auto location = answer.field("Location");
        const bool leads_on = (answer.status == 307 || answer.status == 308) && location;
        if (!leads_on || redirects == max_redirects) return answer;
        const std::string next = resolve_location(request.url, std::string(*location));
        if (next.empty()) return answer;
        if (!is_same_server(next, request.url)) {
            std::erase_if(request.fields, [](const std::string& field) {
                return field.starts_with("Authorization:");
            });
        }
        request.url = next;
    }
}

std::string RemoteRegistry::renew(const HttpAnswer& refusal) {
    const std::string scope = "repository:" + image_.reference.repository.str() +
                              (access_ == Access::pull ? ":pull" : ":pull,push");
    const AskTokenServer ask_token = [&](const TransferRequest& request) {
        const Perform perform = [&](const TransferRequest& r) { return document(r, max_token); };
        HttpAnswer answer = ask_by(perform, request);
        if (answer.status != 200) {
            const std::string server = masked_url(request.url.substr(0, request.url.find('?')));
            refuse(answer,
                   {"a token from " + server, ErrorCode::unauthorized, ErrorCode::unauthorized});
        }
        return std::move(answer.body);
    };
    return answer_challenges(refusal, scope, credentials_, image_.plain, ask_token);
}

HttpAnswer RemoteRegistry::open(const TransferRequest& request) {
    const Perform perform = [&](const TransferRequest& r) { return transfer_.open(r); };
    HttpAnswer answer = authorized(request, perform);
    if (answer.status == 200 || answer.status == 206) return answer;
    answer.body.resize(max_error_text);
    std::size_t size = 0;
    while (size < answer.body.size()) {
        const std::size_t n =
            transfer_.read(std::as_writable_bytes(std::span(answer.body).subspan(size)));
        if (n == 0) break;
        size += n;
    }
    answer.body.resize(size);
    transfer_.close();
    return answer;
}

void RemoteRegistry::before_another_try(Tries& tries, const TransferError& error) {
    if (error.temporary() && tries.left() && !error.no_tls()) {
        watch_.sleep(tries.next_pause());
        return;
    }
    std::string message = context() + ": " + error.what();
    if (error.no_tls()) {
        message += "; put http:// in front of the name of a registry that does not speak TLS";
    }
    throw Error(ErrorCode::unavailable, message);
}

bool RemoteRegistry::before_another_try(Tries& tries, const HttpAnswer& answer) {
    if (!is_temporary(answer.status) || !tries.left()) return false;
    watch_.sleep(tries.next_pause(asked_pause(answer)));
    return true;
}

void RemoteRegistry::refuse(const HttpAnswer& answer, const Refusals& refusals) const {
    std::string message = context() + ": " + refusals.what + ": " + status_text(answer);
    if (answer.status == 401) {
        message += credentials_ ? "; the registry does not accept these credentials for it"
                                : "; give the options 'username' and 'password'";
    } else if (answer.status == 403) {
        message += "; ask whoever runs the registry for access";
    } else if (answer.status >= 500) {
        message += "; the registry fails, try again later";
    } else if (answer.status >= 300 && answer.status < 400) {
        message += "; it leads nowhere that can be followed";
    }
    throw Error(code_of(answer.status, refusals), message);
}

}  // namespace pkgreg
