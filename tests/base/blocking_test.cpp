// Blocking calls: nested ones work, those that could wait for themselves are refused, and no call
// leaves anything behind.
#include "pkgreg/blocking.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/work_pool.hpp"

#include "base/suspend.hpp"
#include "base/threads.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace pkgreg {
namespace {

awaitable<int> seven() {
    co_return 7;
}

awaitable<int> on_the_pool(WorkPool& pool) {
    const auto work = [] { return 7; };
    co_return co_await offload(pool, work);
}

std::size_t entries(const char* folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder),
                                                  std::filesystem::directory_iterator()));
}

std::optional<ErrorCode> code_of_a_call() {
    try {
        run_blocking(seven());
        return std::nullopt;
    } catch (const Error& error) {
        return error.code();
    }
}

TEST(Blocking, ReturnsWhatTheOperationReturns) {
    WorkPool pool(1);
    EXPECT_EQ(run_blocking(seven()), 7);
    EXPECT_EQ(run_blocking(on_the_pool(pool)), 7);
}

TEST(Blocking, ThrowsWhatTheOperationThrowsAndGoesOn) {
    const auto fails = []() -> awaitable<std::string> {
        throw std::runtime_error("no");
        co_return "";
    };
    for (int i = 0; i < 3; ++i) EXPECT_THROW(run_blocking(fails()), std::runtime_error);
    EXPECT_EQ(run_blocking(seven()), 7);
}

TEST(Blocking, CallsMayBeInsideEachOther) {
    WorkPool pool(1);
    const auto outer = [&]() -> awaitable<int> {
        const int before = run_blocking(on_the_pool(pool));
        const int waited = co_await on_the_pool(pool);
        const int after = run_blocking(on_the_pool(pool));
        co_return before + waited + after;
    };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(run_blocking(outer()), 21);
}

TEST(Blocking, ACallOnAThreadOfTheLibraryIsRefused) {
    WorkPool pool(1);
    std::promise<std::optional<ErrorCode>> code;
    pool.post([&] { code.set_value(code_of_a_call()); });
    EXPECT_EQ(code.get_future().get(), ErrorCode::would_deadlock);
}

TEST(Blocking, ACallWhereWaitingIsForbiddenIsRefused) {
    {
        const NoWaiting outer;
        { const NoWaiting inner; }
        EXPECT_EQ(code_of_a_call(), ErrorCode::would_deadlock);
    }
    EXPECT_EQ(code_of_a_call(), std::nullopt);
}

TEST(Blocking, CallsLeaveNoThreadAndNoDescriptor) {
    run_blocking(seven());
    const std::size_t threads = entries("/proc/self/task");
    const std::size_t descriptors = entries("/proc/self/fd");
    for (int i = 0; i < 100; ++i) {
        run_blocking(seven());
        EXPECT_EQ(entries("/proc/self/task"), threads);
        EXPECT_EQ(entries("/proc/self/fd"), descriptors);
    }
    std::thread([] { run_blocking(seven()); }).join();
    EXPECT_EQ(entries("/proc/self/fd"), descriptors);
}

}  // namespace
}  // namespace pkgreg
