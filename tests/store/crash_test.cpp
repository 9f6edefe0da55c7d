// A crash at any moment leaves a store that opens, has what was acknowledged, and nothing that was
// never written.
#include "pkgreg/directory_store.hpp"

#include "store/contract.hpp"
#include "store/crash_recorder.hpp"
#include "store/temporary_directory.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

namespace pkgreg {
namespace {

constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

/// A value that a key was given (nothing: it was removed), and when, in changes of the record.
struct Step {
    std::optional<std::string> value;
    std::size_t begun = 0;
    std::size_t acknowledged = never;
};
using History = std::map<std::string, std::vector<Step>>;

/// Puts, uploads and removals on keys of its own, one after the other; some share directories with
/// those of others.
class Workload {
 public:
    Workload(ObjectStore& store, const CrashRecorder& recorder, unsigned seed)
        : store_(store), recorder_(recorder), random_(seed), seed_(seed) {}

    History run(std::size_t steps) {
        for (std::size_t i = 0; i < steps; ++i) step(i);
        return std::move(history_);
    }

 private:
    void step(std::size_t i) {
        static const char* const directories[] = {"a/b/", "a/b/c/", "a/", "d/e/f/g/", "d/e-f/", ""};
        const std::string key = directories[random_() % std::size(directories)] + std::string("k") +
                                std::to_string(random_() % 2) + "-" + std::to_string(seed_);
        const std::string value = test_bytes(random_() % 200, seed_ * 1000 + unsigned(i));
        const auto kind = random_() % 4;
        auto& steps = history_[key];
        steps.push_back({kind == 0 ? std::nullopt : std::optional(value), recorder_.position()});
        switch (kind) {
            case 0: run_blocking(store_.remove(ObjectKey(key))); break;
            case 1: upload(key, value); break;
            case 2:
                if (!run_blocking(store_.head(ObjectKey(key)))) {
                    run_blocking(store_.put(ObjectKey(key), value, PutOptions::only_if_absent()));
                    break;
                }
                [[fallthrough]];
            default: run_blocking(store_.put(ObjectKey(key), value));
        }
        steps.back().acknowledged = recorder_.position();
    }

    void upload(const std::string& key, const std::string& value) {
        auto upload = run_blocking(store_.begin_upload(std::nullopt));
        const std::string_view bytes(value);
        const std::size_t half = bytes.size() / 2;
        run_blocking(upload->append(std::as_bytes(std::span(bytes.substr(0, half))), nullptr));
        run_blocking(upload->flush());
        run_blocking(upload->append(std::as_bytes(std::span(bytes.substr(half))), nullptr));
        run_blocking(store_.publish(std::move(upload), ObjectKey(key)));
    }

    ObjectStore& store_;
    const CrashRecorder& recorder_;
    std::mt19937 random_;
    const unsigned seed_;
    History history_;
};

/// What a key may hold after a crash at `position`: what its last acknowledged step left, or what a
/// later one, which had begun, would leave.
std::vector<std::optional<std::string>> allowed(const std::vector<Step>& steps,
                                                std::size_t position) {
    std::vector<std::optional<std::string>> values{std::nullopt};
    for (const Step& step : steps) {
        if (step.begun > position) break;
        if (step.acknowledged <= position) values.clear();
        values.push_back(step.value);
    }
    return values;
}

/// What is wrong with the store that a crash at `position` leaves; empty: nothing.
std::string fault_after_crash(const CrashRecorder& recorder, const History& history,
                              std::size_t position, CrashRecorder::UnsyncedNames names) {
    const TemporaryDirectory directory;
    recorder.leave(position, names, directory.path());
    DirectoryStoreOptions options;
    options.file_system = std::make_shared<UnsyncedFileSystem>();
    const auto store = open_directory_store(directory.path(), options);
    if (directory.count(".tmp") != 0) return "unfinished files are left";
    for (const auto& [key, steps] : history) {
        const auto bytes = run_blocking(store->get(ObjectKey(key)));
        const auto value = bytes ? std::optional(*bytes) : std::nullopt;
        const auto values = allowed(steps, position);
        if (std::find(values.begin(), values.end(), value) == values.end()) {
            return key + (value ? " has a wrong value" : " is lost");
        }
    }
    for (const std::string& key : run_blocking(store->list("", "", 1000)).keys) {
        if (!history.contains(key)) return key + " came from nowhere";
    }
    return "";
}

/// Runs `writers` workloads at once on a recorded store.
History record(CrashRecorder& recorder, const std::shared_ptr<CrashRecorder>& file_system,
               std::size_t writers, std::size_t steps) {
    const TemporaryDirectory directory;
    DirectoryStoreOptions options;
    options.file_system = file_system;
    const auto store = open_directory_store(directory.path(), options);
    std::vector<History> histories(writers);
    at_once(writers, [&](std::size_t i) {
        histories[i] = Workload(*store, recorder, static_cast<unsigned>(i)).run(steps);
    });
    History all;
    for (History& history : histories) all.merge(history);
    return all;
}

/// The first fault that any crash would lead to, with its position.
std::string first_fault(std::size_t writers, std::size_t steps, bool forget_directory_syncs) {
    const auto recorder = std::make_shared<CrashRecorder>();
    if (forget_directory_syncs) recorder->forget_directory_syncs();
    const History history = record(*recorder, recorder, writers, steps);
    using enum CrashRecorder::UnsyncedNames;
    for (std::size_t position = 0; position <= recorder->position(); ++position) {
        for (const auto names : {lost, kept, some_kept}) {
            const std::string fault = fault_after_crash(*recorder, history, position, names);
            if (!fault.empty()) return fault + " after change " + std::to_string(position);
        }
    }
    return "";
}

TEST(Crash, at_any_moment_of_one_writer_loses_nothing_acknowledged) {
    EXPECT_EQ(first_fault(1, 30, false), "");
}

TEST(Crash, at_any_moment_of_many_writers_loses_nothing_acknowledged) {
    EXPECT_EQ(first_fault(4, 8, false), "");
}

TEST(Crash, these_tests_notice_a_directory_that_is_not_synced) {
    EXPECT_NE(first_fault(1, 10, true), "");
}

}  // namespace
}  // namespace pkgreg
