#include "registry/packages/packages.hpp"

#include "registry/engine.hpp"
#include "registry/layout.hpp"
#include "registry/page_size.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace pkgreg {
namespace {

/// Each holds a thread and a few buffers.
constexpr std::size_t most_additions = 4;

bool is_path_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~!$&'()*+,;=:@").find(c) != std::string_view::npos;
}

PackageInfo info_of(const PackageSet::Package& package) {
    return {package->universe.coordinate(),
            package->universe.release_version(),
            package->selected,
            package->resources,
            package->images,
            package->universe.metadata(),
            package};
}

awaitable<std::vector<std::string>> list_all(ObjectStore& store, std::string_view prefix) {
    std::vector<std::string> keys;
    std::string last;
    while (true) {
        ListPage page = co_await store.list(prefix, last, 1000);
        for (std::string& key : page.keys) keys.push_back(std::move(key));
        if (!page.more) co_return keys;
        last = keys.back();
    }
}

/// The whole of an object that may be larger than what `ObjectStore::get` gives; null when it is
/// not there.
awaitable<std::shared_ptr<const std::string>> read_whole(ObjectStore& store, const ObjectKey& key) {
    bool large = false;
    try {
        co_return co_await store.get(key);
    } catch (const Error& error) {
        large = error.code() == ErrorCode::too_large;
        if (!large) throw;
    }
    const ByteRange all;
    const auto reader = co_await store.open(key, all);
    if (!reader) co_return nullptr;
    auto text = std::make_shared<std::string>(reader->object_size(), '\0');
    auto rest = std::as_writable_bytes(std::span(*text));
    while (!rest.empty()) {
        const std::size_t n = co_await reader->read(rest);
        if (n == 0) break;
        rest = rest.subspan(n);
    }
    co_return text;
}

}  // namespace

std::string_view to_string(PackageOutcome outcome) noexcept {
    switch (outcome) {
        case PackageOutcome::added: return "added";
        case PackageOutcome::unchanged: return "unchanged";
        case PackageOutcome::replaced: return "replaced";
    }
    return "added";
}

std::string resource_path(const PackageCoordinate& coordinate, const PackageResource& resource) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string path = "/resource/" + coordinate.encoded() + "/";
    resource.digest.append_to(path);
    path.push_back('/');
    for (const char c : resource.file) {
        if (is_path_char(c)) {
            path.push_back(c);
        } else {
            const auto byte = static_cast<unsigned char>(c);
            path.push_back('%');
            path.push_back(digits[byte >> 4]);
            path.push_back(digits[byte & 15]);
        }
    }
    return path;
}

std::string describe_package(const PackageCoordinate& coordinate) {
    return "package " + coordinate.name().str() + " " + coordinate.version().str();
}

// A pool of buffers lends them in the order of arrival: with buffers of one byte it lends turns.
EnginePackages::EnginePackages(Engine& engine)
    : engine_(engine),
      turns_(std::make_shared<BufferPool>(1, most_additions)),
      buffers_(engine.uploads_.buffers()),
      documents_(UniverseDocuments::default_limit,
                 [this](std::function<void()> job) { background_.run(std::move(job)); }) {}

awaitable<void> EnginePackages::refresh() {
    if (!engine_.store().capabilities().exclusive) {
        co_await reconcile(layout::packages_root);
        co_return;
    }
    if (loaded_) co_return;
    const auto guard = co_await loading_->lock_exclusive();
    if (loaded_) co_return;
    co_await reconcile(layout::packages_root);
    loaded_ = true;
}

awaitable<void> EnginePackages::reconcile(std::string_view prefix) {
    // What is added while this lists is not in the list, and must stay all the same.
    const std::vector<std::string> known = set_.keys(prefix);
    const std::vector<std::string> listed = co_await list_all(engine_.store(), prefix);
    if (known == listed) co_return;
    for (const std::string& key : listed) {
        if (!set_.has(key)) co_await read_record(key);
    }
    for (const std::string& key : known) {
        if (!std::binary_search(listed.begin(), listed.end(), key)) set_.erase(key);
    }
}

awaitable<void> EnginePackages::read_record(const std::string& name) {
    const ObjectKey key(name);
    const auto bytes = co_await read_whole(engine_.store(), key);
    if (!bytes) co_return;
    try {
        set_.insert(decode_record(key, bytes));
    } catch (const Error& error) {
        // One package that cannot be read must not take the others along.
        set_.insert_damaged(name, error);
        const LogCallback& log = engine_.options().log;
        if (log) log(LogLevel::error, error.message());
    }
}

EnginePackages::Package EnginePackages::find_readable(const PackageCoordinate& coordinate) const {
    try {
        return set_.find(coordinate);
    } catch (const Error&) {
        return nullptr;
    }
}

awaitable<std::optional<PackageInfo>> EnginePackages::find(const PackageCoordinate& coordinate) {
    co_await refresh();
    const Package package = set_.find(coordinate);
    if (!package) co_return std::nullopt;
    co_return info_of(package);
}

awaitable<PackagePage> EnginePackages::list(const std::optional<PackageName>& name,
                                            const std::optional<PackageCoordinate>& last,
                                            std::size_t n, const PackageFilter* visible) {
    co_await refresh();
    std::vector<Package> packages;
    PackagePage page;
    page.more = set_.list(name, last, std::min(n, max_page), visible, packages);
    page.packages.reserve(packages.size());
    for (const Package& package : packages) page.packages.push_back(info_of(package));
    co_return page;
}

awaitable<std::size_t> EnginePackages::count() {
    co_await refresh();
    co_return set_.count();
}

awaitable<std::unique_ptr<ObjectReader>> EnginePackages::open_resource(
    const PackageCoordinate& coordinate, const Digest& digest, std::string_view file,
    ByteRange range) {
    co_await refresh();
    const Package package = set_.find(coordinate);
    if (!package) co_return nullptr;
    const bool has = std::any_of(package->resources.begin(), package->resources.end(),
                                 [&](const PackageResource& resource) {
                                     return resource.digest == digest && resource.file == file;
                                 });
    if (!has) co_return nullptr;
    co_return co_await engine_.blobs_.open(digest, range);
}

awaitable<std::optional<PackageCoordinate>> EnginePackages::holder(
    const RepositoryName& repository) {
    co_await refresh();
    co_return set_.holder(repository);
}

awaitable<std::optional<PackageCoordinate>> EnginePackages::holder(const RepositoryName& repository,
                                                                   const Digest& manifest) {
    co_await refresh();
    co_return set_.holder(repository, manifest);
}

}  // namespace pkgreg
