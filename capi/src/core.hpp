// Core: what an open registry consists of. A `pkgreg_registry *` stands for one, see RegistryTable.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/options.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/work_pool.hpp"

#include "callbacks.hpp"
#include "children.hpp"
#include "service/housekeeping.hpp"

#include <memory>
#include <mutex>
#include <optional>
#include <string_view>

namespace pkgreg::capi {

class Core {
 public:
    /// Opens the storage and the registry in it.
    explicit Core(Options given);

    /// Does what is due, where nobody else does: a registry in the program's own memory or
    /// directory has no server that looks after it, unless one is started.
    void keep_house();

    const Options options;
    const std::shared_ptr<LogTarget> log = std::make_shared<LogTarget>();
    ProgressTarget progress;
    Children children;
    /// Null for a registry in memory. Ends behind what follows, which uses its threads.
    std::shared_ptr<WorkPool> pool;
    std::shared_ptr<Registry> registry;
    std::shared_ptr<HttpHandler> handler;

 private:
    std::mutex housekeeping_mutex_;
    std::unique_ptr<Housekeeping> housekeeping_;
};

/// The options of a registry, as pkgreg_open receives them.
Options read_open_options(std::optional<std::string_view> storage,
                          std::optional<std::string_view> json);

}  // namespace pkgreg::capi
