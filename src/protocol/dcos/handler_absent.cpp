// In place of the package protocol, where a build has no packages: every address of it answers 501.

#include "base/missing_part.hpp"
#include "protocol/dcos/handler.hpp"
#include "protocol/responses.hpp"

#include <utility>

namespace pkgreg::dcos {

awaitable<HttpResponse> Handler::handle(const HttpRequest&, const Target&, const Route&,
                                        const access::Rights&) {
    HttpResponse response(501);
    HttpResponse reason = error_response(missing_part("DC/OS packages", "PKGREG_PACKAGES"));
    response.header("Content-Type", "application/json").set_body(std::move(reason.body()));
    co_return response;
}

}  // namespace pkgreg::dcos
