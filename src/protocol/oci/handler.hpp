// The OCI distribution protocol (and Docker's registry API, version 2) over a Registry. Members are
// spread over files by endpoint: pull.cpp, push.cpp, lists.cpp.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"

#include "access/rights.hpp"
#include "protocol/client_networks.hpp"
#include "protocol/oci/route.hpp"
#include "protocol/target.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace pkgreg::oci {

class Handler {
 public:
    Handler(Registry& registry, const ProtocolOptions& options)
        : registry_(registry),
          options_(options),
          redirected_("redirect-clients", options.redirect_clients) {}

    /// Answers a request to a path that `find_route` knows, of a caller who may make it. Throws
    /// `Error`.
    /// @param rights        what he may do beside that
    /// @param costs_another called for each further request that this one is as much work as
    awaitable<HttpResponse> handle(const HttpRequest& request, const Target& target,
                                   const Route& route, const access::Rights& rights,
                                   const std::function<void()>& costs_another);

 private:
    using Request = const HttpRequest&;
    using Rights = const access::Rights&;

    // pull.cpp
    awaitable<HttpResponse> get_blob(Request request, const RepositoryName& name,
                                     const Digest& digest, Rights rights);
    awaitable<std::optional<HttpResponse>> redirect_blob(Request request,
                                                         const RepositoryName& name,
                                                         const Digest& digest);
    awaitable<HttpResponse> get_manifest(Request request, const RepositoryName& name,
                                         const Reference& reference);

    // push.cpp
    awaitable<HttpResponse> begin_upload(Request request, const Target& target,
                                         const RepositoryName& name, Rights rights);
    awaitable<HttpResponse> append_upload(Request request, const RepositoryName& name,
                                          const UploadId& id);
    awaitable<HttpResponse> finish_upload(Request request, const Target& target,
                                          const RepositoryName& name, const UploadId& id);
    awaitable<HttpResponse> put_manifest(Request request, const Target& target,
                                         const RepositoryName& name, const Reference& reference);
    awaitable<HttpResponse> out_of_order(const RepositoryName& name, const UploadId& id,
                                         const Error& error);

    // lists.cpp
    awaitable<HttpResponse> list_tags(const Target& target, const RepositoryName& name);
    awaitable<HttpResponse> list_catalog(const Target& target, Rights rights,
                                         const std::function<void()>& costs_another);
    awaitable<HttpResponse> list_referrers(const Target& target, const RepositoryName& name,
                                           const Digest& subject);

    // handler.cpp
    awaitable<HttpResponse> handle_blob(Request request, const Route& route, Rights rights);
    awaitable<HttpResponse> handle_upload(Request request, const Target& target,
                                          const Route& route);
    awaitable<HttpResponse> handle_manifest(Request request, const Target& target,
                                            const Route& route);

    Registry& registry_;
    const ProtocolOptions& options_;
    const ClientNetworks redirected_;
};

}  // namespace pkgreg::oci
