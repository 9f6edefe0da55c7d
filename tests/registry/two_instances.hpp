// Two instances of a registry over one storage, of which one acts between two steps of the other:
// at every place where that can happen.
#pragma once

#include "pkgreg/memory_store.hpp"

#include "registry/engine_test.hpp"
#include "registry/many_writers_store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace pkgreg {

/// Two instances over one storage.
struct TwoInstances {
    std::shared_ptr<ObjectStore> memory = make_memory_store();
    std::shared_ptr<ManyWritersStore> first_store = std::make_shared<ManyWritersStore>(memory);
    BlockingRegistry first{first_store};
    BlockingRegistry second{std::make_shared<ManyWritersStore>(memory)};
};

using Act = std::function<void(const BlockingRegistry&)>;

/// Lets `second` act, as a whole, after each step of what `first` does, in one run per step.
/// Either may be refused; `check` then judges what is left.
inline void interleave(
    const std::function<void(const BlockingRegistry&)>& prepare, const Act& first,
    const Act& second,
    const std::function<void(TwoInstances&, bool first_done, bool second_done)>& check) {
    const auto done = [](const Act& act, const BlockingRegistry& registry) {
        try {
            act(registry);
            return true;
        } catch (const Error& error) {
            EXPECT_TRUE(error.code() == ErrorCode::in_use ||
                        error.code() == ErrorCode::manifest_blob_unknown ||
                        error.code() == ErrorCode::manifest_unknown ||
                        error.code() == ErrorCode::blob_unknown ||
                        error.code() == ErrorCode::name_unknown ||
                        error.code() == ErrorCode::package_exists ||
                        error.code() == ErrorCode::package_unknown)
                << to_string(error.code()) << ": " << error.message();
            return false;
        }
    };
    for (int step = 0; step < 1000; ++step) {
        SCOPED_TRACE("after step " + std::to_string(step));
        TwoInstances both;
        prepare(both.first);
        int steps = 0;
        bool acted = false;
        bool second_done = false;
        both.first_store->after_each_verb([&] {
            if (steps++ != step) return;
            acted = true;
            // A thread of its own: the verb may be one on a thread of the library, where no call may
            // wait.
            std::thread([&] { second_done = done(second, both.second); }).join();
        });
        const bool first_done = done(first, both.first);
        both.first_store->after_each_verb(nullptr);
        if (!acted) {
            EXPECT_GT(step, 1) << "nothing was interleaved";
            return;
        }
        check(both, first_done, second_done);
        expect_valid(*both.memory, BlockingRegistry(both.memory), true);
        if (testing::Test::HasFailure()) return;
    }
    ADD_FAILURE() << "too many steps";
}

}  // namespace pkgreg
