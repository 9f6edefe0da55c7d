#include "protocol/oci/handler.hpp"

#include "protocol/oci/locations.hpp"
#include "protocol/requests.hpp"
#include "protocol/responses.hpp"

namespace pkgreg::oci {
namespace {

/// The reference in a path. What can be no tag can be written by nobody; for everybody else it is
/// simply not there, and the specification's answer to that is 404.
Reference reference_of(const HttpRequest& request, const RepositoryName& name,
                       std::string_view text) {
    const bool digest = text.find(':') != std::string_view::npos;
    if (request.method != HttpMethod::put && !digest && !Tag::is_valid(text)) {
        throw Error(ErrorCode::manifest_unknown, "repository '" + name.str() + "' has no tag '" +
                                                     std::string(text.substr(0, 160)) +
                                                     "', since that is no tag's name");
    }
    return parse_reference(text);
}

}  // namespace

awaitable<HttpResponse> Handler::handle_blob(const HttpRequest& request, const Route& route,
                                             const access::Rights& rights) {
    const auto name = RepositoryName::parse(route.name);
    const auto digest = Digest::parse(route.item);
    if (reads(request.method)) co_return co_await get_blob(request, name, digest, rights);
    if (request.method == HttpMethod::delete_) {
        co_await registry_.delete_blob(name, digest);
        co_return HttpResponse(202);
    }
    co_return method_not_allowed("GET, HEAD, DELETE");
}

awaitable<HttpResponse> Handler::handle_upload(const HttpRequest& request, const Target& target,
                                               const Route& route) {
    const auto name = RepositoryName::parse(route.name);
    const UploadId id(route.item);
    switch (request.method) {
        case HttpMethod::patch: co_return co_await append_upload(request, name, id);
        case HttpMethod::put: co_return co_await finish_upload(request, target, name, id);
        case HttpMethod::get:
        case HttpMethod::head: {
            const UploadStatus status = co_await registry_.upload_status(name, id);
            HttpResponse response(204);
            add_upload_status(response, name, status);
            co_return response;
        }
        case HttpMethod::delete_:
            co_await registry_.cancel_upload(name, id);
            co_return HttpResponse(204);
        default: co_return method_not_allowed("GET, HEAD, PATCH, PUT, DELETE");
    }
}

awaitable<HttpResponse> Handler::handle_manifest(const HttpRequest& request, const Target& target,
                                                 const Route& route) {
    const auto name = RepositoryName::parse(route.name);
    const Reference reference = reference_of(request, name, route.item);
    if (reads(request.method)) co_return co_await get_manifest(request, name, reference);
    if (request.method == HttpMethod::put) {
        co_return co_await put_manifest(request, target, name, reference);
    }
    if (request.method == HttpMethod::delete_) {
        co_await registry_.delete_manifest(name, reference);
        co_return HttpResponse(202);
    }
    co_return method_not_allowed("GET, HEAD, PUT, DELETE");
}

awaitable<HttpResponse> Handler::handle(const HttpRequest& request, const Target& target,
                                        const Route& route, const access::Rights& rights,
                                        const std::function<void()>& costs_another) {
    switch (route.endpoint) {
        case Endpoint::blob: co_return co_await handle_blob(request, route, rights);
        case Endpoint::manifest: co_return co_await handle_manifest(request, target, route);
        case Endpoint::upload: co_return co_await handle_upload(request, target, route);
        case Endpoint::uploads: {
            if (request.method != HttpMethod::post) co_return method_not_allowed("POST");
            const auto name = RepositoryName::parse(route.name);
            co_return co_await begin_upload(request, target, name, rights);
        }
        case Endpoint::tags: {
            if (!reads(request.method)) co_return method_not_allowed("GET, HEAD");
            const auto name = RepositoryName::parse(route.name);
            co_return co_await list_tags(target, name);
        }
        case Endpoint::referrers: {
            if (!reads(request.method)) co_return method_not_allowed("GET, HEAD");
            const auto name = RepositoryName::parse(route.name);
            const auto subject = Digest::parse(route.item);
            co_return co_await list_referrers(target, name, subject);
        }
        case Endpoint::catalog:
            if (!reads(request.method)) co_return method_not_allowed("GET, HEAD");
            co_return co_await list_catalog(target, rights, costs_another);
        case Endpoint::base:
            if (!reads(request.method)) co_return method_not_allowed("GET, HEAD");
            co_return json_response(200, "{}");
        case Endpoint::repository: {
            const auto name = RepositoryName::parse(route.name);
            if (request.method != HttpMethod::delete_) {
                throw Error(ErrorCode::not_found, "there is nothing to get at '" + target.path() +
                                                      "'; a repository's tags are at /v2/" +
                                                      name.str() + "/tags/list");
            }
            co_await registry_.delete_repository(name);
            co_return HttpResponse(202);
        }
        case Endpoint::none: break;
    }
    throw Error(ErrorCode::not_found, "nothing is served at '" + target.path() + "'");
}

}  // namespace pkgreg::oci
