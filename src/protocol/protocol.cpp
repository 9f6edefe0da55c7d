// The front door: finds who answers a request and turns errors into answers.

#include "pkgreg/protocol.hpp"

#include "access/too_many_requests.hpp"
#include "protocol/auditor.hpp"
#include "protocol/authenticated_protocol.hpp"
#include "protocol/client_address.hpp"
#include "protocol/client_networks.hpp"
#include "protocol/dcos/address.hpp"
#include "protocol/dcos/handler.hpp"
#include "protocol/gate.hpp"
#include "protocol/held_response.hpp"
#include "protocol/oci/handler.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"
#include "protocol/target.hpp"
#include "protocol/token/endpoint.hpp"

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace pkgreg {
namespace {

/// Answers to HEAD say what GET would, without sending it (RFC 9110, section 9.3.2).
void drop_body(HttpResponse& response) {
    response.set_head_length(response.content_length());
    response.set_body(ResponseBody());
}

/// Under which address a request came, for the place that gives out tokens.
access::Authenticator::Address address_of_requests(const ProtocolOptions& options) {
    return [address = dcos::RequestAddress(options.external_url, options.trusted_proxies)](
               const HttpRequest& request) -> std::string {
        try {
            return address.of(request).resource_base;
        } catch (const Error&) {
            return "http://localhost";  // it named no host that could be told to anybody
        }
    };
}

class Protocol final : public HttpHandler {
 public:
    /// @param gate    null: there is no access control, and no limit
    /// @param auditor null: nothing is recorded
    Protocol(std::shared_ptr<Registry> registry, ProtocolOptions options,
             std::unique_ptr<Gate> gate, std::unique_ptr<Auditor> auditor)
        : registry_(std::move(registry)),
          options_(std::move(options)),
          gate_(std::move(gate)),
          auditor_(std::move(auditor)),
          oci_(*registry_, options_),
          dcos_(*registry_, options_) {
        if (!gate_ || !gate_->authenticator() || !gate_->authenticator()->issuer()) return;
        token_.emplace(
            *gate_->authenticator(),
            [gate = gate_.get()](const access::CallerPtr& caller, const access::Grant& asked) {
                return gate->allowed(caller, asked);
            });
    }

    awaitable<HttpResponse> handle(const HttpRequest& request) override {
        std::optional<HttpResponse> response;
        Visit visit;
        try {
            response = co_await answer(request, visit);
        } catch (const Refused& refused) {
            response = gate_->answer(request, refused);
            note(visit, refused);
        } catch (const Error& error) {
            response = failure(request, error);
            note(visit, error);
        } catch (const std::bad_alloc&) {
            response = failure(request, Error(ErrorCode::unavailable, "out of memory; try again"));
        } catch (const std::exception& error) {
            response = failure(request, Error(ErrorCode::internal, error.what()));
        }
        if (auditor_) auditor_->tell(request, visit, *response);
        if (request.target.starts_with("/v2")) {
            response->header("Docker-Distribution-API-Version", "registry/2.0");
        }
        if (request.method == HttpMethod::head) drop_body(*response);
        hold_until_sent(*response, std::move(visit.turn));
        co_return *std::move(response);
    }

 private:
    /// Keeps what the audit log tells of an error.
    void note(Visit& visit, const Error& error) const {
        if (!auditor_) return;
        visit.error = to_string(error.code());
        visit.reason = error.message();
    }

    awaitable<HttpResponse> answer(const HttpRequest& request, Visit& visit) {
        const Target target = Target::parse(request.target);
        const oci::Route route = oci::find_route(target.path());
        access::Rights rights;
        if (route.endpoint != oci::Endpoint::none) {
            if (gate_) {
                const Requirement need = requirement_of(route, request.method, target);
                rights = co_await gate_->enter(request, need, visit);
            }
            const std::function<void()> costs_another = [this, &visit] {
                if (gate_) gate_->count_another(visit);
            };
            HttpResponse response =
                co_await oci_.handle(request, target, route, rights, costs_another);
            const bool login = gate_ && route.endpoint == oci::Endpoint::base;
            if (login) gate_->offer_login(response, request, rights);
            co_return response;
        }
        if (target.path() == "/health") co_return co_await health(request);
        if (token_ && target.path() == "/token") {
            if (gate_) gate_->count_address(request, visit);
            co_return co_await token_->handle(request, target);
        }
        const dcos::Route dcos_route = dcos::find_route(target.path());
        if (dcos_route.endpoint != dcos::Endpoint::none) {
            if (gate_) {
                const Requirement need = requirement_of(dcos_route, request.method);
                rights = co_await gate_->enter(request, need, visit);
            }
            co_return co_await dcos_.handle(request, target, dcos_route, rights);
        }
        throw Error(ErrorCode::not_found, "nothing is served at '" + target.path() + "'");
    }

    /// Healthy means: the storage answers.
    awaitable<HttpResponse> health(const HttpRequest& request) {
        if (!reads(request.method)) co_return method_not_allowed("GET, HEAD");
        co_await registry_->list_repositories("", 1);
        co_return json_response(200, "{\"healthy\":true}\n");
    }

    HttpResponse failure(const HttpRequest& request, const Error& error) {
        HttpResponse response = error_response(error);
        if (const auto* later = dynamic_cast<const access::TooManyRequests*>(&error)) {
            response.header("Retry-After", std::to_string(later->retry_after().count()));
        }
        const LogCallback& log = registry_->options().log;
        if (response.status() >= 500 && log) {
            log(LogLevel::error, "request " + std::string(request.id) + " for " +
                                     std::string(request.target.substr(0, 200)) + ": " +
                                     std::string(to_string(error.code())) + ": " + error.message());
        }
        return response;
    }

    std::shared_ptr<Registry> registry_;
    ProtocolOptions options_;
    std::unique_ptr<Gate> gate_;
    std::unique_ptr<Auditor> auditor_;
    oci::Handler oci_;
    dcos::Handler dcos_;
    /// Nothing: no tokens are given here.
    std::optional<TokenEndpoint> token_;
};

}  // namespace

std::shared_ptr<HttpHandler> make_protocol(std::shared_ptr<Registry> registry,
                                           ProtocolOptions options) {
    std::unique_ptr<access::Authenticator> authenticator;
    if (options.access.controls()) {
        const auto trusted =
            std::make_shared<const ClientNetworks>("trusted-proxies", options.trusted_proxies);
        const auto client = [trusted](const HttpRequest& request) {
            return client_address(request, *trusted);
        };
        authenticator = access::Authenticator::make(options.access, registry->options().pool,
                                                    registry->options().log,
                                                    address_of_requests(options), client);
    }
    return make_protocol(std::move(registry), std::move(options), std::move(authenticator));
}

std::shared_ptr<HttpHandler> make_protocol(std::shared_ptr<Registry> registry,
                                           ProtocolOptions options,
                                           std::unique_ptr<access::Authenticator> authenticator) {
    std::unique_ptr<Gate> gate;
    std::unique_ptr<Auditor> auditor;
    const LogCallback& log = registry->options().log;
    if (!options.access.empty()) {
        gate = std::make_unique<Gate>(options.access, options.trusted_proxies,
                                      std::move(authenticator), log);
    }
    if (!options.access.audit_log.empty()) {
        auditor = std::make_unique<Auditor>(options.access.audit_log, options.trusted_proxies, log);
    }
    return std::make_shared<Protocol>(std::move(registry), std::move(options), std::move(gate),
                                      std::move(auditor));
}

}  // namespace pkgreg
