#include "access/authenticator.hpp"

#include "pkgreg/error.hpp"

#include "access/credentials.hpp"
#include "access/password_checks.hpp"
#include "access/token_checks.hpp"
#include "access/token_issuer.hpp"

#include <optional>
#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::string_view basic_challenge = R"(Basic realm="pkgreg", charset="UTF-8")";

CallerPtr anonymous() {
    static const CallerPtr caller = std::make_shared<Caller>();
    return caller;
}

[[noreturn]] void refuse(std::string problem) {
    throw Error(ErrorCode::unauthorized, std::move(problem));
}

/// `name="value"`, quoted (RFC 9110, section 5.6.4).
void append_parameter(std::string& challenge, std::string_view name, std::string_view value) {
    challenge.append(challenge.ends_with(' ') ? "" : ",").append(name).append("=\"");
    for (const char c : value) {
        if (c == '"' || c == '\\') challenge += '\\';
        challenge += c;
    }
    challenge += '"';
}

class Methods final : public Authenticator {
 public:
    Methods(const AccessOptions& options, const std::shared_ptr<WorkPool>& pool,
            const LogCallback& log, Address address, Client client)
        : realm_(options.token.realm),
          service_(options.token.service),
          certificates_(options.certificates),
          address_(std::move(address)),
          client_(std::move(client)) {
        if (!options.htpasswd.empty()) passwords_.emplace(options.htpasswd, log);
        if (options.token.endpoint) issuer_.emplace(options.token, pool);
        std::unique_ptr<KeySource> keys;
        if (!options.token.keys.empty()) {
            keys = KeySource::make(options.token.keys, options.ca.string(), pool, log);
        }
        if (keys || issuer_) {
            bearer_.emplace(options.token, std::move(keys), issuer_ ? &*issuer_ : nullptr, pool);
        }
        if (!options.dcos.keys.empty()) {
            dcos_.emplace(KeySource::make(options.dcos.keys, options.ca.string(), pool, log), pool);
        }
    }

    CallerPtr known(const HttpRequest& request) override {
        const Credentials credentials = Credentials::of(request);
        switch (credentials.scheme) {
            case Scheme::none: return without_credentials(request);
            case Scheme::basic:
                if (is_dcos_password(credentials)) {
                    return dcos_->known(credentials.password, credentials.name);
                }
                return passwords_ ? passwords_->known(credentials.name, credentials.password)
                                  : nullptr;
            case Scheme::bearer: return bearer_ ? bearer_->known(credentials.token) : nullptr;
            case Scheme::dcos: return dcos_ ? dcos_->known(credentials.token, "") : nullptr;
            case Scheme::malformed: return nullptr;
        }
        return nullptr;
    }

    awaitable<CallerPtr> identify(const HttpRequest& request) override {
        const Credentials credentials = Credentials::of(request);
        switch (credentials.scheme) {
            case Scheme::none: co_return without_credentials(request);
            case Scheme::basic:
                if (is_dcos_password(credentials)) {
                    co_return co_await dcos_->check(credentials.password, credentials.name);
                }
                if (!passwords_) refuse("no names and passwords are taken here");
                co_return co_await passwords_->check(credentials.name, credentials.password,
                                                     client_of(request));
            case Scheme::bearer:
                if (!bearer_) refuse("no bearer tokens are taken here");
                co_return co_await bearer_->check(credentials.token);
            case Scheme::dcos:
                if (!dcos_) refuse("no DC/OS authentication tokens are taken here");
                co_return co_await dcos_->check(credentials.token, "");
            case Scheme::malformed: break;
        }
        refuse(
            "the field Authorization is none of: Basic, Bearer, token=…; or it is malformed, or "
            "there are several");
    }

    std::vector<std::string> challenges(const HttpRequest& request, std::string_view scope,
                                        std::string_view error) const override {
        if (!bearer_) return {std::string(basic_challenge)};
        std::string challenge = "Bearer ";
        append_parameter(challenge, "realm", realm_.empty() ? own_realm(request) : realm_);
        append_parameter(challenge, "service", service_);
        if (!scope.empty()) append_parameter(challenge, "scope", scope);
        if (!error.empty()) append_parameter(challenge, "error", error);
        return {std::move(challenge)};
    }

    const TokenIssuer* issuer() const noexcept override { return issuer_ ? &*issuer_ : nullptr; }

 private:
    CallerPtr without_credentials(const HttpRequest& request) const {
        const ClientCertificate* const certificate = request.certificate;
        if (!certificates_ || certificate == nullptr || certificate->common_name.empty()) {
            return anonymous();
        }
        auto caller = std::make_shared<Caller>();
        caller->identity = {IdentityKind::certificate, certificate->common_name, {}};
        return caller;
    }

    std::string_view client_of(const HttpRequest& request) const {
        return client_ ? client_(request) : request.client;
    }

    /// `docker login` knows no other place for a token than the password.
    bool is_dcos_password(const Credentials& credentials) const noexcept {
        return dcos_ && looks_like_jwt(credentials.password);
    }

    std::string own_realm(const HttpRequest& request) const {
        if (address_) return address_(request) + "/token";
        return std::string(request.secure ? "https://" : "http://")
            .append(request.header("Host").value_or("localhost"))
            .append("/token");
    }

    const std::string realm_;
    const std::string service_;
    const bool certificates_;
    const Address address_;
    const Client client_;
    std::optional<PasswordChecks> passwords_;
    std::optional<TokenIssuer> issuer_;
    std::optional<BearerTokens> bearer_;
    std::optional<DcosTokens> dcos_;
};

}  // namespace

std::unique_ptr<Authenticator> Authenticator::make(const AccessOptions& options,
                                                   std::shared_ptr<WorkPool> pool, LogCallback log,
                                                   Address address, Client client) {
    return std::make_unique<Methods>(options, pool, log, std::move(address), std::move(client));
}

}  // namespace pkgreg::access
