// Orphans: what lies in a shared storage though nothing needs it, since an instance was killed, or
// an upload was given up while another instance might still have used it.
//
// What is named is looked for in this order: segments, then uploads (their states, or what a single
// instance knows of them), then blobs. A commit writes the blob before it removes the state, so a
// segment that is in use is named by one or the other at the moment when that is looked at. A
// segment that no state names yet belongs to a request that is under way, and is younger than the
// grace period.

#include "registry/engine.hpp"
#include "registry/layout.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

using Candidates = std::unordered_map<std::string, Orphan>;

std::int64_t oldest_that_stays(const RegistryOptions& options) {
    const auto grace = std::max(options.orphan_grace, 2 * options.upload_idle_limit);
    const auto time = std::chrono::system_clock::now() - grace;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

/// Segments that were written before `limit`, by their ids.
awaitable<Candidates> old_segments(ObjectStore& store, std::int64_t limit) {
    Candidates candidates;
    std::string last;
    while (true) {
        const ListPage page = co_await store.list(layout::data_root, last, 1000);
        for (std::size_t i = 0; i < page.keys.size(); ++i) {
            std::optional<ObjectInfo> info;
            if (page.infos.empty()) {
                const ObjectKey key(page.keys[i]);
                info = co_await store.head(key);
            } else {
                info = page.infos[i];
            }
            if (!info || info->modified >= limit) continue;
            Orphan orphan;
            orphan.key = page.keys[i];
            orphan.size = info->size;
            orphan.modified = info->modified;
            candidates.emplace(page.keys[i].substr(layout::data_root.size()), std::move(orphan));
        }
        if (!page.more) co_return candidates;
        last = page.keys.back();
    }
}

void spare(Candidates& candidates, const std::vector<layout::Segment>& named) {
    for (const layout::Segment& segment : named) candidates.erase(segment.id);
}

}  // namespace

awaitable<std::vector<Orphan>> Engine::list_orphans() {
    const std::int64_t limit = oldest_that_stays(options_);
    Candidates candidates = co_await old_segments(*store_, limit);
    if (blobs_.segmented()) {
        const auto states = co_await uploads_.states().all();
        for (const auto& state : states) spare(candidates, state->segments);
        const auto local = uploads_.local_segments();
        spare(candidates, local);
        std::string last;
        while (true) {
            const ListPage page = co_await store_->list(layout::blobs_root, last, 1000);
            for (const std::string& key : page.keys) {
                const auto named = co_await blobs_.segments_of(key);
                spare(candidates, named);
                const auto digest = layout::blob_digest(key);
                if (digest) blobs_.note(*digest, named);
            }
            if (!page.more) break;
            last = page.keys.back();
        }
    }
    std::vector<Orphan> orphans;
    for (auto& [id, orphan] : candidates) orphans.push_back(std::move(orphan));
    std::sort(orphans.begin(), orphans.end(),
              [](const Orphan& a, const Orphan& b) { return a.key < b.key; });
    const auto unfinished = co_await store_->list_unfinished();
    for (const UnfinishedUpload& upload : unfinished) {
        if (upload.begun >= limit) continue;
        Orphan orphan;
        orphan.kind = Orphan::Kind::unfinished_upload;
        orphan.key = upload.key;
        orphan.upload_id = upload.id;
        orphan.modified = upload.begun;
        orphans.push_back(std::move(orphan));
    }
    co_return orphans;
}

awaitable<std::size_t> Engine::remove_orphans(const std::vector<Orphan>& orphans) {
    require_writable();
    std::size_t removed = 0;
    for (const Orphan& orphan : orphans) {
        try {
            if (orphan.kind == Orphan::Kind::segment) {
                const ObjectKey key(orphan.key);
                co_await store_->remove(key);
            } else {
                const UnfinishedUpload upload{orphan.key, orphan.upload_id, orphan.modified};
                co_await store_->remove_unfinished(upload);
            }
            ++removed;
        } catch (const Error&) {
            continue;
        }
    }
    co_return removed;
}

}  // namespace pkgreg
