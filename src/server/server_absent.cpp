// In place of the server, where a build has none.

#include "pkgreg/server.hpp"

#include "base/missing_part.hpp"

namespace pkgreg {

std::unique_ptr<Server> Server::start(std::shared_ptr<HttpHandler>, ServerOptions,
                                      std::function<awaitable<void>()>) {
    throw missing_part("server", "PKGREG_SERVER");
}

}  // namespace pkgreg
