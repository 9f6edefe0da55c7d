// The DC/OS package protocol and the packages' own API over a Registry. Members are spread over
// files: repository.cpp has what a cluster reads, administration.cpp what changes packages.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/packages.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"

#include "access/rights.hpp"
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

    /// Answers a request to a path that `find_route` knows, of a caller who may make it. Throws
    /// `Error`.
    /// @param rights what he may do beside that
    awaitable<HttpResponse> handle(const HttpRequest& request, const Target& target,
                                   const Route& route, const access::Rights& rights);

 private:
    using Request = const HttpRequest&;
    using Rights = const access::Rights&;

    // repository.cpp
    awaitable<HttpResponse> get_root(Rights rights);
    awaitable<HttpResponse> get_repository(Request request, std::optional<PackageName> name,
                                           Rights rights);
    awaitable<HttpResponse> get_resource(Request request, const Route& route, Rights rights);

    // administration.cpp
    awaitable<HttpResponse> list(const Target& target, Rights rights);
    awaitable<HttpResponse> add(Request request, const Target& target, Rights rights);
    awaitable<HttpResponse> describe(const PackageCoordinate& coordinate);
    awaitable<HttpResponse> remove(const PackageCoordinate& coordinate);
    awaitable<HttpResponse> import(Request request, const Target& target, Rights rights);

    // handler.cpp
    awaitable<HttpResponse> handle_version(Request request, const Route& route);

    Packages& packages_;
    RequestAddress address_;
};

}  // namespace pkgreg::dcos
