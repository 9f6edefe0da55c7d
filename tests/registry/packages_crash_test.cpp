// A crash at any moment of a package's life leaves all of it or none, and what was acknowledged.
#include "pkgreg/directory_store.hpp"

#include "registry/package_test.hpp"
#include "store/crash_recorder.hpp"
#include "store/temporary_directory.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace pkgreg {
namespace {

/// What the one package of a history may be read as: its description, or nothing.
using State = std::optional<std::string>;

struct Change {
    State state;
    std::size_t begun = 0;
    std::size_t acknowledged = 0;
};

std::shared_ptr<ObjectStore> open_on(const std::filesystem::path& root,
                                     std::shared_ptr<FileSystem> files) {
    DirectoryStoreOptions options;
    options.file_system = std::move(files);
    return open_directory_store(root, options);
}

State state_of(const BlockingPackages& packages) {
    const auto info = packages.find(coordinate_of("hello"));
    if (!info) return std::nullopt;
    const std::string_view metadata = info->metadata;
    constexpr std::string_view field = "\"description\":\"";
    const std::size_t begin = metadata.find(field) + field.size();
    return std::string(metadata.substr(begin, metadata.find('"', begin) - begin));
}

/// Adds, replaces and removes a package; a second one shares its image all the while.
std::vector<Change> make_history(CrashRecorder& recorder, const BlockingPackages& packages) {
    std::vector<Change> changes;
    const auto act = [&](State state, const std::function<void()>& f) {
        const std::size_t begun = recorder.position();
        f();
        changes.push_back({std::move(state), begun, recorder.position()});
    };
    TestPackage first;
    first.description = "first";
    TestPackage second = first;
    second.description = "second";
    second.file = "another jar";
    second.images = {TestImage("one"), TestImage("two")};
    second.is_index = true;
    act("first", [&] { packages.add(first); });
    packages.add(TestPackage("other"));
    act("second", [&] { packages.add(second, true); });
    act(std::nullopt, [&] { packages.remove(second.coordinate()); });
    act("second", [&] { packages.add(second); });
    return changes;
}

class PackagesCrash : public testing::TestWithParam<CrashRecorder::UnsyncedNames> {};
INSTANTIATE_TEST_SUITE_P(UnsyncedNames, PackagesCrash,
                         testing::Values(CrashRecorder::UnsyncedNames::lost,
                                         CrashRecorder::UnsyncedNames::kept,
                                         CrashRecorder::UnsyncedNames::some_kept));

TEST_P(PackagesCrash, LeavesAWholePackageOrNone) {
    const TemporaryDirectory recorded;
    const auto recorder = std::make_shared<CrashRecorder>();
    std::vector<Change> changes;
    {
        const BlockingRegistry registry(open_on(recorded.path(), recorder));
        changes = make_history(*recorder, BlockingPackages(registry));
    }
    const std::size_t end = recorder->position();
    ASSERT_GT(end, 100U);
    for (std::size_t position = 0; position <= end; ++position) {
        SCOPED_TRACE("after change " + std::to_string(position) + " of " + std::to_string(end));
        const TemporaryDirectory left;
        recorder->leave(position, GetParam(), left.path());
        const auto store = open_on(left.path(), std::make_shared<UnsyncedFileSystem>());
        const BlockingRegistry registry(store);
        const BlockingPackages packages(registry);
        expect_valid(*store, registry);

        std::vector<State> allowed = {std::nullopt};
        for (const Change& change : changes) {
            if (change.acknowledged <= position) allowed.clear();
            if (change.begun <= position) allowed.push_back(change.state);
        }
        const State state = state_of(packages);
        EXPECT_NE(std::find(allowed.begin(), allowed.end(), state), allowed.end())
            << state.value_or("not there");
        if (state) expect_whole(registry, coordinate_of("hello"));
        if (packages.find(coordinate_of("other"))) expect_whole(registry, coordinate_of("other"));
        if (HasFailure()) return;
    }
}

}  // namespace
}  // namespace pkgreg
