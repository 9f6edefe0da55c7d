#include "cli/storage_orphans.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"
#include "pkgreg/registry.hpp"
#include "pkgreg/storage.hpp"

#include "cli/exit_code.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg::cli {
namespace {

/// `2026-01-31T12:00:00Z`
std::string utc(std::int64_t nanoseconds) {
    const std::time_t seconds = nanoseconds / 1'000'000'000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

void write(const Orphan& orphan, std::ostream& out) {
    const bool segment = orphan.kind == Orphan::Kind::segment;
    out << (segment ? "segment" : "upload") << ' '
        << (segment ? std::to_string(orphan.size) : std::string("-")) << ' ' << utc(orphan.modified)
        << ' ' << orphan.key << '\n';
}

}  // namespace

void list_orphans(const Options& options, bool remove, std::ostream& out) {
    StorageUse use;
    use.read_only = !remove;
    try {
        const std::shared_ptr<ObjectStore> store = open_storage(options, std::move(use));
        RegistryOptions how;
        how.read_only = !remove;
        how.upload_idle_limit = std::chrono::hours(options.program.upload_idle_hours);
        const auto registry = run_blocking(Registry::open(store, how));
        const std::vector<Orphan> orphans = run_blocking(registry->list_orphans());
        std::uint64_t bytes = 0;
        for (const Orphan& orphan : orphans) {
            write(orphan, out);
            bytes += orphan.size;
        }
        out << orphans.size() << " orphans, " << bytes << " bytes";
        if (remove) {
            const std::size_t removed = run_blocking(registry->remove_orphans(orphans));
            out << "; " << removed << " removed";
        }
        out << std::endl;
    } catch (const Error& error) {
        end_for_storage(error);
    }
}

}  // namespace pkgreg::cli
