// The repository documents of a registry's packages: made from the set when it has changed, and
// only when somebody asks.

#include "registry/engine.hpp"
#include "registry/packages/packages.hpp"

#include <utility>

namespace pkgreg {
namespace {

[[noreturn]] void no_such_name(const PackageName& name) {
    throw Error(ErrorCode::package_unknown, "there is no package '" + name.str() + "' here");
}

}  // namespace

void EnginePackages::show_changes() {
    const std::lock_guard lock(documents_mutex_);
    auto packages = set_.changed_since(shown_);
    if (packages) documents_.set_packages(*std::move(packages));
}

awaitable<RepositoryDocument> EnginePackages::document(const UniverseDocuments::Request& request) {
    co_await refresh();
    if (request.name && !set_.has_name(*request.name)) no_such_name(*request.name);
    show_changes();
    try {
        auto document = documents_.try_get(request);
        if (document) co_return *std::move(document);
        auto work = [&] { return documents_.get(request); };
        if (!engine_.options().pool) co_return work();
        co_return co_await offload(*engine_.options().pool, work);
    } catch (const Error& error) {
        // The last version of that name was removed since the look.
        if (error.code() == ErrorCode::not_found && request.name) no_such_name(*request.name);
        throw;
    }
}

}  // namespace pkgreg
