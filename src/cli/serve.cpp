#include "cli/serve.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/server.hpp"
#include "pkgreg/storage.hpp"
#include "pkgreg/work_pool.hpp"

#include "base/threads.hpp"
#include "cli/access_log.hpp"
#include "cli/descriptor_limit.hpp"
#include "cli/exit_code.hpp"
#include "cli/program_log.hpp"
#include "cli/signals.hpp"
#include "cluster/certificate_keeper.hpp"
#include "cluster/secret_store.hpp"
#include "service/cluster_options.hpp"
#include "service/housekeeping.hpp"
#include "service/service_options.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace pkgreg::cli {
namespace {

using std::chrono::seconds;

std::shared_ptr<Registry> open_registry(const Options& options, const std::string& location,
                                        const ProgramLog& log) {
    const ProgramOptions& program = options.program;
    if (is_memory_storage(location)) {
        log(LogLevel::warning, "storage in memory: all content is lost when the program ends");
    }
    auto pool = std::make_shared<WorkPool>();
    const auto warn = [log](std::string_view text) { log(LogLevel::warning, text); };
    const StorageUse use{program.read_only, pool, warn};
    RegistryOptions registry = registry_options(options, std::move(pool), log);
    registry.may_open_late = options.s3_storage().has_value();
    try {
        return run_blocking(Registry::open(open_storage(options, use), std::move(registry)));
    } catch (const Error& error) {
        end_for_storage(error);
    }
}

ServerOptions server_options(const Options& options, AccessLog* access_log, const ProgramLog& log) {
    ServerOptions server = pkgreg::server_options(options, log);
    if (access_log) {
        server.access_log = [access_log](const AccessRecord& record) { access_log->write(record); };
    }
    return server;
}

std::unique_ptr<Server> start_server(const std::shared_ptr<Registry>& registry,
                                     std::shared_ptr<HttpHandler> handler, ServerOptions options,
                                     const ProgramLog& log) {
    std::function<awaitable<void>()> tick;
    if (!registry->options().read_only) {
        tick = [housekeeping = std::make_shared<Housekeeping>(registry, log)] {
            return housekeeping->tick();
        };
    }
    try {
        return Server::start(std::move(handler), std::move(options), std::move(tick));
    } catch (const Error& error) {
        switch (error.code()) {
            case ErrorCode::invalid_options: throw ProgramError(ExitCode::usage, error.message());
            case ErrorCode::locked:
                throw ProgramError(ExitCode::address,
                                   error.message() +
                                       "; or choose another port with --listen HOST:PORT (0: any "
                                       "free one)");
            default: throw ProgramError(ExitCode::address, error.message());
        }
    }
}

/// Does what waits for others, in the main thread; false when the order to stop came meanwhile.
/// @param work is given a descriptor that ends it; returns false when that did
bool wait_for_cluster(StopSignals& signals, const ProgramLog& log,
                      const std::function<bool(int)>& work) {
    try {
        while (!work(signals.fd())) {
            if (signals.wait() != SIGHUP) return false;
            log(LogLevel::info, "SIGHUP: nothing is read again; restart to change options");
        }
        return true;
    } catch (const Error& error) {
        const bool options = error.code() == ErrorCode::invalid_options;
        throw ProgramError(options ? ExitCode::usage : ExitCode::failed, error.message());
    }
}

/// Fetches a secret of the cluster's that is no file yet.
bool bring_secret(Options& options, StopSignals& signals, const ProgramLog& log) {
    const auto secret = stored_secret(options);
    if (!secret) return true;
    const auto fetch = [&](int stop_fd) {
        return cluster::fetch_secret_file(secret->session, secret->path, secret->file, stop_fd,
                                          log);
    };
    if (!wait_for_cluster(signals, log, fetch)) return false;
    log(LogLevel::info, "the secret '" + secret->path + "' comes from the cluster's secret store");
    // Every other secret that the options name was found already, so this directory is enough.
    options.program.secrets_dir = secret->directory.string();
    return true;
}

/// Sees to the cluster's certificate, where the options ask for one: from then on it is the one
/// that they name. Nothing where they do not; `stopped` when the order to stop came first.
std::unique_ptr<cluster::CertificateKeeper> keep_certificate(Options& options, StopSignals& signals,
                                                             const ProgramLog& log, bool& stopped) {
    std::unique_ptr<cluster::CertificateKeeper> keeper;
    const auto obtain = [&](int stop_fd) {
        if (!keeper) {
            auto wanted = certificate_options(options, log);
            if (!wanted) return true;
            keeper = cluster::CertificateKeeper::make(std::move(*wanted), log);
        }
        return keeper->obtain(stop_fd);
    };
    stopped = !wait_for_cluster(signals, log, obtain);
    if (stopped || !keeper) return nullptr;
    options.program.tls_cert = options.program.tls_key = keeper->file().string();
    keeper->start();
    return keeper;
}

/// Waits for the order to stop.
void wait_for_stop(StopSignals& signals, const ProgramLog& log) {
    while (*signals.wait() == SIGHUP) {
        log(LogLevel::info, "SIGHUP: files are read and opened anew by themselves; restart to change options");
    }
}

/// Lets running transfers finish; another signal ends them at once.
void drain(Server& server, seconds grace, StopSignals& signals, const ProgramLog& log) {
    log(LogLevel::info, "stopping: " + std::to_string(server.connections()) +
                            " connections, running transfers have " +
                            std::to_string(grace.count()) + " s; a second signal stops at once");
    const int done = eventfd(0, EFD_CLOEXEC);
    if (done < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    std::atomic<bool> complete = true;
    const auto drain_for = [&](seconds limit) {
        if (!server.drain(limit)) complete = false;
    };
    std::thread drainer = start_thread([&] {
        drain_for(grace);
        eventfd_write(done, 1);
    });
    while (const auto signal = signals.wait(done)) {
        if (*signal != SIGHUP) drain_for(seconds(0));
    }
    drainer.join();
    ::close(done);
    log(complete ? LogLevel::info : LogLevel::warning,
        complete ? "stopped" : "stopped; running transfers were cut off");
}

}  // namespace

void serve(const Options& given) {
    Options options = given;
    const ProgramOptions& program = options.program;
    StopSignals signals;
    raise_descriptor_limit();
    const ProgramLog log(program.log_level, program.log_format);
    const std::string location = storage_location(options);
    bool stopped = false;
    const auto keeper = keep_certificate(options, signals, log, stopped);
    if (stopped || !bring_secret(options, signals, log)) return;
    std::unique_ptr<AccessLog> access_log;
    if (program.access_log) {
        access_log = std::make_unique<AccessLog>(STDERR_FILENO, program.log_format);
    }
    const auto registry = open_registry(options, location, log);
    const auto server = start_server(registry, make_protocol(registry, protocol_options(options)),
                                     server_options(options, access_log.get(), log), log);
    log(LogLevel::info,
        "storage: " + registry->store().describe() + (program.read_only ? ", read-only" : ""));
    for (const std::string& url : server->urls()) std::printf("listening on %s\n", url.c_str());
    std::fflush(stdout);
    wait_for_stop(signals, log);
    drain(*server, seconds(program.grace_seconds), signals, log);
}

}  // namespace pkgreg::cli
