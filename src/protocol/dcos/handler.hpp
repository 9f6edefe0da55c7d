// The DC/OS package protocol and the packages' own API over a Registry. Members are spread over
// files: repository.cpp has what a cluster reads, administration.cpp what changes packages.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/packages.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"

#include "protocol/dcos/address.hpp"
#include "protocol/dcos/route.hpp"
#include "protocol/target.hpp"

#include <optional>

namespace pkgreg::dcos {

class Handler {
 public:
    /// Throws `invalid_options`.
    Handler(Registry& registry, const ProtocolOptions& options)
        : packages_(registry.packages()), address_(options.external_url, options.trusted_proxies) {}

    /// Answers a request to a path that `find_route` knows. Throws `Error`.
    awaitable<HttpResponse> handle(const HttpRequest& request, const Target& target,
                                   const Route& route);

 private:
    using Request = const HttpRequest&;

    // repository.cpp
    awaitable<HttpResponse> get_root();
    awaitable<HttpResponse> get_repository(Request request, std::optional<PackageName> name);
    awaitable<HttpResponse> get_resource(Request request, const Route& route);

    // administration.cpp
    awaitable<HttpResponse> list(const Target& target);
    awaitable<HttpResponse> add(Request request, const Target& target);
    awaitable<HttpResponse> describe(const PackageCoordinate& coordinate);
    awaitable<HttpResponse> remove(const PackageCoordinate& coordinate);
    awaitable<HttpResponse> import(Request request, const Target& target);

    // handler.cpp
    awaitable<HttpResponse> handle_version(Request request, const Route& route);

    Packages& packages_;
    RequestAddress address_;
};

}  // namespace pkgreg::dcos
