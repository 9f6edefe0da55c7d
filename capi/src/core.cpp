#include "core.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/protocol.hpp"
#include "pkgreg/storage.hpp"

#include "service/service_options.hpp"

#include <utility>

namespace pkgreg::capi {

Core::Core(Options given) : options(std::move(given)) {
    const LogCallback tell = log_to(log);
    // What lies in memory needs no threads: nothing there ever waits for a disk.
    if (!is_memory_storage(options.storage())) pool = std::make_shared<WorkPool>();
    StorageUse use;
    use.read_only = options.program.read_only;
    use.pool = pool;
    use.warn = [tell](std::string_view line) { tell(LogLevel::warning, line); };
    auto store = open_storage(options, std::move(use));
    RegistryOptions behaviour = registry_options(options, pool, tell);
    registry = run_blocking(Registry::open(std::move(store), std::move(behaviour)));
    handler = make_protocol(registry, protocol_options(options));
    if (!options.program.read_only && registry->store().capabilities().exclusive) {
        housekeeping_ = std::make_unique<Housekeeping>(registry, tell);
    }
}

void Core::keep_house() {
    const std::unique_lock turn(housekeeping_mutex_, std::try_to_lock);
    if (turn && housekeeping_) run_blocking(housekeeping_->tick());
}

Options read_open_options(std::optional<std::string_view> storage,
                          std::optional<std::string_view> json) {
    Options options;
    if (json) options = parse_options(*json, "options");
    if (storage) options.program.storage = *storage;
    if (options.storage().empty()) {
        throw Error(ErrorCode::invalid_options,
                    "there is no storage; pass a directory, memory: or s3://BUCKET/PATH to "
                    "pkgreg_open, or set pkgreg.storage in the options");
    }
    if (storage) check_options(options);
    return options;
}

}  // namespace pkgreg::capi
