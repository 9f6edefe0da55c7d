// A crash at any moment leaves a valid registry that has everything that was acknowledged: the
// store's changes are recorded, and each beginning of the record is opened, without the data and
// the names that were not synced by then.
#include "pkgreg/directory_store.hpp"

#include "registry/engine_test.hpp"
#include "store/crash_recorder.hpp"
#include "store/temporary_directory.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace pkgreg {
namespace {

/// What a thing was made to be (nothing: it was removed), and when, in changes of the record.
struct Change {
    std::optional<std::string> value;
    std::size_t begun = 0;
    std::size_t acknowledged = std::numeric_limits<std::size_t>::max();
};

/// One tag, manifest or blob of a repository.
struct Thing {
    enum class Kind { tag, manifest, blob } kind;
    std::string repository;
    std::string name;

    auto operator<=>(const Thing&) const = default;
};

std::optional<std::string> look_up(const BlockingRegistry& registry, const Thing& thing) {
    if (thing.kind == Thing::Kind::blob) {
        return registry.read(thing.repository, Digest::parse(thing.name));
    }
    return registry.get(thing.repository, thing.name);
}

/// Nothing happens to a store that is only looked at.
std::shared_ptr<ObjectStore> open_unsynced(const std::filesystem::path& root) {
    DirectoryStoreOptions options;
    options.file_system = std::make_shared<UnsyncedFileSystem>();
    return open_directory_store(root, options);
}

/// Does things to a registry, one after the other, and writes down what has to be there when.
class History {
 public:
    History(const std::filesystem::path& root, std::shared_ptr<CrashRecorder> recorder)
        : recorder_(std::move(recorder)) {
        DirectoryStoreOptions options;
        options.file_system = recorder_;
        registry_ = BlockingRegistry(open_directory_store(root, options));
    }

    void push(const std::string& repository, const TestImage& image, const std::string& tag) {
        for (const std::string& bytes : {image.config, image.layer}) {
            act({{{Thing::Kind::blob, repository, sha256(bytes).to_string()}, bytes}},
                [&] { registry_.push(repository, bytes); });
        }
        put(repository, image.manifest, tag);
    }
    void put(const std::string& repository, const std::string& manifest, const std::string& tag) {
        act({{{Thing::Kind::manifest, repository, sha256(manifest).to_string()}, manifest},
             {{Thing::Kind::tag, repository, tag}, manifest}},
            [&] { registry_.put(repository, tag, manifest); });
    }
    void push_in_pieces(const std::string& repository, const std::string& bytes) {
        act({{{Thing::Kind::blob, repository, sha256(bytes).to_string()}, bytes}}, [&] {
            const UploadId id = registry_.begin(repository);
            registry_.append(repository, id, bytes.substr(0, bytes.size() / 2));
            registry_.commit(repository, id, sha256(bytes), bytes.substr(bytes.size() / 2));
        });
    }
    void mount(const std::string& repository, const std::string& bytes, const std::string& from) {
        act({{{Thing::Kind::blob, repository, sha256(bytes).to_string()}, bytes}},
            [&] { registry_.mount(repository, sha256(bytes), from); });
    }
    void delete_tag(const std::string& repository, const std::string& tag) {
        act({{{Thing::Kind::tag, repository, tag}, std::nullopt}},
            [&] { registry_.remove(repository, tag); });
    }
    void delete_manifest(const std::string& repository, const std::string& manifest,
                         const std::vector<std::string>& tags) {
        const std::string digest = sha256(manifest).to_string();
        Changes changes = {{{Thing::Kind::manifest, repository, digest}, std::nullopt}};
        for (const std::string& tag : tags) {
            changes.push_back({{Thing::Kind::tag, repository, tag}, std::nullopt});
        }
        act(changes, [&] { registry_.remove(repository, digest); });
    }
    void delete_blob(const std::string& repository, const std::string& bytes) {
        const Digest digest = sha256(bytes);
        act({{{Thing::Kind::blob, repository, digest.to_string()}, std::nullopt}},
            [&] { registry_.delete_blob(repository, digest); });
    }
    void delete_repository(const std::string& repository) {
        Changes changes;
        for (const auto& [thing, ignored] : changes_) {
            if (thing.repository == repository) changes.push_back({thing, std::nullopt});
        }
        act(changes, [&] { registry_.remove_repository(repository); });
    }

    /// The first thing that is not what it was acknowledged to be, or was on its way to become, in
    /// a registry that a crash at `position` left; empty when all is as it must be.
    std::string fault(const BlockingRegistry& registry, std::size_t position) const {
        for (const auto& [thing, changes] : changes_) {
            std::vector<std::optional<std::string>> allowed = {std::nullopt};
            for (const Change& change : changes) {
                if (change.acknowledged <= position) allowed.clear();
                if (change.begun <= position) allowed.push_back(change.value);
            }
            const auto actual = look_up(registry, thing);
            if (std::find(allowed.begin(), allowed.end(), actual) == allowed.end()) {
                return thing.repository + " " + thing.name + " is " + actual.value_or("not there");
            }
        }
        return {};
    }

 private:
    using Changes = std::vector<std::pair<Thing, std::optional<std::string>>>;

    template <class F>
    void act(const Changes& changes, F f) {
        const std::size_t begun = recorder_->position();
        f();
        for (const auto& [thing, value] : changes) {
            changes_[thing].push_back({value, begun, recorder_->position()});
        }
    }

    std::shared_ptr<CrashRecorder> recorder_;
    BlockingRegistry registry_;
    std::map<Thing, std::vector<Change>> changes_;
};

void make_history(History& history) {
    const TestImage first("first");
    const TestImage second("second");
    const TestImage signature("signature", ",\"subject\":" + first.descriptor());
    const std::string index = index_json({first.descriptor(), second.descriptor()});
    history.push("a", first, "latest");
    history.push("a", second, "latest");
    history.push("a/b", first, "1");
    history.put("a", index, "all");
    history.push("a", signature, "signature");
    history.push_in_pieces("a", "in pieces");
    history.mount("a/b", "in pieces", "a");
    history.delete_tag("a", "all");
    history.delete_manifest("a", index, {});
    history.put("a", first.manifest, "old");
    history.delete_manifest("a", second.manifest, {"latest"});
    history.delete_blob("a", second.layer);
    history.push("a", second, "latest");
    history.delete_manifest("a", signature.manifest, {"signature"});
    history.delete_repository("a/b");
    history.push("a/b", second, "1");
}

class Crash : public testing::TestWithParam<CrashRecorder::UnsyncedNames> {};

std::string variant_name(const testing::TestParamInfo<CrashRecorder::UnsyncedNames>& variant) {
    switch (variant.param) {
        case CrashRecorder::UnsyncedNames::lost: return "Lost";
        case CrashRecorder::UnsyncedNames::kept: return "Kept";
        case CrashRecorder::UnsyncedNames::some_kept: return "SomeKept";
    }
    return "Other";
}

INSTANTIATE_TEST_SUITE_P(UnsyncedNames, Crash,
                         testing::Values(CrashRecorder::UnsyncedNames::lost,
                                         CrashRecorder::UnsyncedNames::kept,
                                         CrashRecorder::UnsyncedNames::some_kept),
                         variant_name);

TEST_P(Crash, AnyPrefixOfAHistoryIsAValidRegistryWithAllThatWasAcknowledged) {
    const TemporaryDirectory recorded;
    const auto recorder = std::make_shared<CrashRecorder>();
    History history(recorded.path(), recorder);
    make_history(history);
    const std::size_t end = recorder->position();
    ASSERT_GT(end, 100u);
    for (std::size_t position = 0; position <= end; ++position) {
        SCOPED_TRACE("after change " + std::to_string(position) + " of " + std::to_string(end));
        const TemporaryDirectory left;
        recorder->leave(position, GetParam(), left.path());
        const auto store = open_unsynced(left.path());
        const BlockingRegistry registry(store);
        expect_valid(*store, registry);
        EXPECT_EQ(history.fault(registry, position), "");
        if (HasFailure()) return;
    }
}

TEST(CrashTest, AForgottenSyncWouldBeNoticed) {
    const TemporaryDirectory recorded;
    const auto recorder = std::make_shared<CrashRecorder>();
    History history(recorded.path(), recorder);
    recorder->forget_directory_syncs();
    history.push("a", TestImage("first"), "latest");
    const TemporaryDirectory left;
    recorder->leave(recorder->position(), CrashRecorder::UnsyncedNames::lost, left.path());
    const BlockingRegistry registry(open_unsynced(left.path()));
    EXPECT_NE(history.fault(registry, recorder->position()), "");
}

}  // namespace
}  // namespace pkgreg
