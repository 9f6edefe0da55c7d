#include "protocol/dcos/handler.hpp"

#include "protocol/requests.hpp"

#include <string>
#include <utility>

namespace pkgreg::dcos {
namespace {

/// The message that scripts written for the original product look for.
Error version_unknown(std::string_view name, std::string_view version) {
    return Error(ErrorCode::package_unknown, "Version [" + std::string(version.substr(0, 260)) +
                                                 "] of package [" +
                                                 std::string(name.substr(0, 260)) + "] not found");
}

}  // namespace

awaitable<HttpResponse> Handler::handle_version(const HttpRequest& request, const Route& route) {
    const bool removal = request.method == HttpMethod::delete_;
    if (!removal && !reads(request.method)) co_return method_not_allowed("GET, HEAD, DELETE");
    auto name = PackageName::try_parse(route.package);
    auto version = PackageVersion::try_parse(route.item);
    // What cannot be a name or a version is simply not there.
    if (!name || !version) throw version_unknown(route.package, route.item);
    const PackageCoordinate coordinate(*std::move(name), *std::move(version));
    if (removal) co_return co_await remove(coordinate);
    co_return co_await describe(coordinate);
}

awaitable<HttpResponse> Handler::handle(const HttpRequest& request, const Target& target,
                                        const Route& route, const access::Rights& rights) {
    const bool read = reads(request.method);
    const bool post = request.method == HttpMethod::post;
    switch (route.endpoint) {
        case Endpoint::version: co_return co_await handle_version(request, route);
        case Endpoint::packages:
            if (post) co_return co_await add(request, target, rights);
            if (!read) co_return method_not_allowed("GET, HEAD, POST");
            co_return co_await list(target, rights);
        case Endpoint::universe:
            if (!post) co_return method_not_allowed("POST");
            co_return co_await import(request, target, rights);
        case Endpoint::root:
            if (!read) co_return method_not_allowed("GET, HEAD");
            co_return co_await get_root(rights);
        case Endpoint::repository:
            if (!read) co_return method_not_allowed("GET, HEAD");
            co_return co_await get_repository(request, std::nullopt, rights);
        case Endpoint::package: {
            if (!read) co_return method_not_allowed("GET, HEAD");
            auto name = PackageName::try_parse(route.package);
            if (!name) {
                throw Error(
                    ErrorCode::package_unknown,
                    "package [" + std::string(route.package.substr(0, 260)) + "] not found");
            }
            co_return co_await get_repository(request, std::move(name), rights);
        }
        case Endpoint::resource:
            if (!read) co_return method_not_allowed("GET, HEAD");
            co_return co_await get_resource(request, route, rights);
        case Endpoint::none: break;
    }
    throw Error(ErrorCode::not_found, "nothing is served at '" + target.path() + "'");
}

}  // namespace pkgreg::dcos
