// UploadStates: where uploads stand, kept in the store, for registries that share it. Any instance
// can go on from a state, and none of them can damage it: a state is written once, under a name of
// its own, and the client is told that name as (part of) the upload's id.
#pragma once

#include "pkgreg/hasher.hpp"
#include "pkgreg/names.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/registry.hpp"

#include "registry/layout.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// An upload after the last request that ended.
struct UploadState {
    RepositoryName repository;
    /// Of the content so far; its size is the offset.
    Hasher hasher;
    std::vector<layout::Segment> segments = {};
    /// Names of states before this one, oldest first.
    std::vector<std::string> earlier = {};
};

std::string print_upload_state(const UploadState& state);
/// Throws `corrupt`. @param key for the message
UploadState parse_upload_state(std::string_view text, std::string_view key);

/// An upload's id, taken apart: `<uuid>.<state>`; or `<uuid>` alone, for the newest state.
struct UploadName {
    std::string uuid;
    std::string state = {};

    static std::optional<UploadName> parse(std::string_view id);
    UploadId id() const { return state.empty() ? uuid : uuid + "." + state; }
};

/// The name of a state: `<offset>-<time>-<id>`, the first two in hexadecimal, the time in
/// milliseconds since the Unix epoch. So the last name of a listing is the furthest state, and its
/// offset and age are known without reading it.
struct StateName {
    std::uint64_t offset = 0;
    std::chrono::system_clock::time_point written = {};

    static std::optional<StateName> parse(std::string_view name);
};

/// Every member may be called from any thread. Lives as long as the store.
class UploadStates {
 public:
    explicit UploadStates(ObjectStore& store) : store_(store) {}

    /// Writes a state; its name. Removes earlier ones when they become many.
    awaitable<std::string> write(const std::string& uuid, UploadState state);
    /// The state of that name, or null.
    awaitable<std::shared_ptr<const UploadState>> read(const std::string& uuid,
                                                       const std::string& state);
    /// The name of the furthest state; empty when there is none.
    awaitable<std::string> newest(const std::string& uuid);
    /// Removes states of an upload that is over.
    awaitable<void> remove(const std::string& uuid, std::vector<std::string> states);
    /// Removes all states of an upload.
    awaitable<void> remove_all(const std::string& uuid);

    /// Removes states older than `limit`; how many uploads are gone by that. `busy` are spared.
    awaitable<std::size_t> expire(std::chrono::milliseconds limit,
                                  const std::set<std::string>& busy);
    /// Every state of every upload that is there.
    awaitable<std::vector<std::shared_ptr<const UploadState>>> all();
    /// The ids of all uploads.
    awaitable<std::set<std::string>> uploads();

 private:
    struct Cached {
        std::string key;
        std::shared_ptr<const UploadState> state;
    };

    std::shared_ptr<const UploadState> find_cached(const std::string& key);
    void cache(const std::string& key, std::shared_ptr<const UploadState> state);
    void forget(const std::string& key);

    ObjectStore& store_;
    std::mutex mutex_;
    /// Those that this instance wrote last, newest first: the next request usually comes here.
    std::list<Cached> cached_;
};

}  // namespace pkgreg
