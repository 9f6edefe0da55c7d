// pkgreg_server: the registry behind a socket, on threads of the library.

#include "pkgreg/server.hpp"

#include "arguments.hpp"
#include "base/threads.hpp"
#include "children.hpp"
#include "core.hpp"
#include "error.hpp"
#include "pkgreg.h"
#include "registry_table.hpp"
#include "service/housekeeping.hpp"
#include "service/service_options.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace pkgreg::capi;
using pkgreg::Server;

namespace {

class RunningServer final : public Child {
 public:
    explicit RunningServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}

    /// Whether nothing had to be cut off, by whichever call.
    bool drain(std::chrono::milliseconds grace) {
        // Several may stop it at once; the shortest patience counts.
        const std::shared_ptr<Server> server = get();
        const bool complete = !server || server->drain(grace);
        const std::lock_guard lock(mutex_);
        complete_ = complete_ && complete;
        return complete_;
    }

    void cut_off() noexcept override {
        try {
            drain(std::chrono::milliseconds(0));
        } catch (const std::exception&) {
            // No memory for it: its end, which follows, cuts off as well.
        }
    }

    bool release_waits() const noexcept override { return true; }

    void release() noexcept override {
        std::shared_ptr<Server> ended;
        const std::lock_guard lock(release_mutex_);
        {
            const std::lock_guard quick(mutex_);
            ended = std::move(server_);
        }
        ended.reset();
    }

 private:
    std::shared_ptr<Server> get() {
        const std::lock_guard lock(mutex_);
        return server_;
    }

    std::mutex release_mutex_;
    std::mutex mutex_;
    std::shared_ptr<Server> server_;
    bool complete_ = true;
};

std::shared_ptr<RunningServer> start(Core& core, std::optional<std::string_view> address,
                                     std::vector<std::string>& urls) {
    if (core.options.program.cluster.certificate == pkgreg::ClusterCertificate::on) {
        throw pkgreg::Error(pkgreg::ErrorCode::unsupported,
                            "pkgreg.cluster.certificate: only the program pkgreg gets certificates "
                            "of a cluster's authority; give pkgreg.tls-cert and pkgreg.tls-key");
    }
    const pkgreg::LogCallback log = log_to(core.log);
    pkgreg::ServerOptions options = pkgreg::server_options(core.options, log);
    if (address) options.listen = {std::string(*address)};
    std::function<pkgreg::awaitable<void>()> tick;
    if (!core.options.program.read_only) {
        tick = [house = std::make_shared<pkgreg::Housekeeping>(core.registry, log)] {
            return house->tick();
        };
    }
    auto server = Server::start(core.handler, std::move(options), std::move(tick));
    urls = server->urls();
    return std::make_shared<RunningServer>(std::move(server));
}

}  // namespace

struct pkgreg_server {
    pkgreg_server(const Call& call, pkgreg_registry* key, std::optional<std::string_view> address)
        : registry(key), running(call.core(), key, start(call.core(), address, urls)) {}

    pkgreg_registry* const registry;
    const std::uint32_t epoch = fork_epoch();
    std::vector<std::string> urls;
    ChildHolder<RunningServer> running;
};

int32_t pkgreg_serve(pkgreg_registry* registry, const char* address, size_t address_length,
                     pkgreg_server** server, pkgreg_error** error) {
    clear(server);
    return guard(error, [&] {
        const Call call(registry);
        pkgreg_server*& serving = result(server, "server");
        serving = new pkgreg_server(call, registry, optional_text(address, address_length));
    });
}

const char* pkgreg_server_url(const pkgreg_server* server, size_t number, size_t* size) {
    if (!server || number >= server->urls.size()) {
        tell_size(size, 0);
        return nullptr;
    }
    tell_size(size, server->urls[number].size());
    return server->urls[number].c_str();
}

int32_t pkgreg_server_stop(pkgreg_server* server, uint32_t grace_ms, int32_t* complete,
                           pkgreg_error** error) {
    return guard(error, [&] {
        pkgreg_server& handle = required(server, "server");
        require_same_process(handle.epoch);
        const Call call(handle.registry);
        if (!pkgreg::may_wait()) {
            throw pkgreg::Error(pkgreg::ErrorCode::would_deadlock,
                                "a server cannot be stopped from within a callback, which may run "
                                "on one of its threads; stop it on a thread of your own");
        }
        const bool whole = handle.running->drain(std::chrono::milliseconds(grace_ms));
        if (complete) *complete = whole ? 1 : 0;
    });
}

void pkgreg_server_free(pkgreg_server* server) {
    free_handle(server);
}
