// Additions: a bundle is received and stored, then its package takes its place among the others.
// The record comes last, so that whenever a crash comes there is all of the package or none.

#include "registry/engine.hpp"
#include "registry/layout.hpp"
#include "registry/packages/packages.hpp"
#include "registry/sync_if_there.hpp"

#include <utility>

namespace pkgreg {
namespace {

[[noreturn]] void exists(const StoredPackage& stored, const PackageDraft& draft) {
    throw Error(ErrorCode::package_exists,
                describe_package(draft.metadata.coordinate()) +
                    " is here with other content: " + describe_differences(stored, draft) +
                    ". Give it another version, or replace the one that is here");
}

}  // namespace

awaitable<PackageAddition> EnginePackages::add(BodySource& bundle, bool replace,
                                               const PackageCheck* check) {
    engine_.require_writable();
    const auto turn = co_await turns_->acquire();
    BundleReceiver receiver(engine_, buffers_, check);
    co_await receiver.receive(bundle);
    const PackageDraft draft(receiver.contents());
    const Arrival arrival{draft, receiver.manifests(), std::nullopt, replace};
    co_return co_await place(arrival);
}

awaitable<PackageAddition> EnginePackages::place(const Arrival& arrival) {
    const auto guard = co_await changes_->lock_exclusive();
    // Who withdraws, see settle, may find nobody afterwards: then it tries again.
    constexpr int most_tries = 5;
    for (int tries = 0; tries < most_tries; ++tries) {
        auto addition = co_await place_once(arrival);
        if (addition) co_return *std::move(addition);
    }
    throw Error(ErrorCode::package_exists,
                describe_package(arrival.draft.metadata.coordinate()) +
                    " is being added by others at the same moment with other content; look what "
                    "is there, then add it again");
}

awaitable<std::optional<PackageAddition>> EnginePackages::place_once(const Arrival& arrival) {
    const PackageDraft& draft = arrival.draft;
    const PackageCoordinate& coordinate = draft.metadata.coordinate();
    co_await refresh();
    const Package old = find_readable(coordinate);
    if (old && old->content != draft.content && !arrival.replace) exists(*old, draft);

    // From here on, nobody deletes the manifests that are put now.
    const PackageSet::Hold hold(set_, draft);
    co_await put_images(arrival);
    if (old && old->content == draft.content) {
        const std::uint64_t number = old->universe.release_version();
        const bool renumbered =
            arrival.replace && (arrival.release_version.value_or(number) != number ||
                                (draft.selected && draft.selected != old->selected));
        bool there = false;
        if (!renumbered) there = co_await sync_if_there(engine_.store(), old->key);
        if (there) {
            PackageAddition nothing{coordinate, number, PackageOutcome::unchanged};
            co_return nothing;
        }
    }
    co_return co_await write_record(arrival, old);
}

/// Nothing when another instance came first.
awaitable<std::optional<PackageAddition>> EnginePackages::write_record(const Arrival& arrival,
                                                                       const Package& old) {
    const PackageDraft& draft = arrival.draft;
    const PackageCoordinate& coordinate = draft.metadata.coordinate();
    const std::string prefix = layout::package_prefix(coordinate);
    const std::vector<std::string> superseded = set_.keys(prefix);
    const std::uint64_t number =
        arrival.release_version.value_or(set_.next_release_version(coordinate.name()));

    const std::string record = co_await encode(draft, number);
    const ObjectKey key = layout::new_key(prefix);
    co_await engine_.store().put(key, record);
    set_.insert(decode_record(key, std::make_shared<const std::string>(record)));
    const auto images = co_await remove_records(superseded);
    if (!engine_.store().capabilities().exclusive) {
        const bool stays = co_await settle(arrival, key);
        if (!stays) co_return std::nullopt;
    }
    if (engine_.options().deletion) co_await release_images(images);
    PackageAddition addition{coordinate, number,
                             old ? PackageOutcome::replaced : PackageOutcome::added};
    co_return addition;
}

/// Another instance may have deleted what this package needs, or added another one in its place,
/// between the look and the write. Both look again after their write, so one of the two sees the
/// other. False when this one was withdrawn.
///
/// Of several records with different contents the one with the first key should stay. The others
/// withdraw when they see it, so it waits a little for them to do so; one that looked before this
/// was written has been acknowledged, and does not go away.
awaitable<bool> EnginePackages::settle(const Arrival& arrival, const ObjectKey& written) {
    constexpr int most_looks = 20;
    co_await put_images(arrival);
    if (arrival.replace) co_return true;
    const std::string prefix = layout::package_prefix(arrival.draft.metadata.coordinate());
    for (int looks = 0; looks < most_looks; ++looks) {
        co_await reconcile(prefix);
        const Package rival = set_.find_rival(arrival.draft.content, prefix);
        if (!rival) co_return true;
        if (rival->key < written) break;
    }
    const std::vector<std::string> mine = {written.str()};
    co_await remove_records(mine);
    co_return false;
}

awaitable<std::string> EnginePackages::encode(const PackageDraft& draft,
                                              std::uint64_t release_version) {
    auto work = [&] { return encode_record(draft, release_version); };
    if (!engine_.options().pool) co_return work();
    co_return co_await offload(*engine_.options().pool, work);
}

}  // namespace pkgreg
