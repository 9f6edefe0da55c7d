// BufferPool: no more buffers than allowed, handed to waiters in their order, freed when unused.
#include "base/buffer_pool.hpp"

#include "pkgreg/blocking.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg {
namespace {

TEST(BufferPool, HandsOutTheBufferThatWasUsedLast) {
    const auto pool = std::make_shared<BufferPool>(4096, 4);
    EXPECT_EQ(pool->buffer_size(), 4096u);
    const auto body = [&]() -> awaitable<void> {
        auto first = co_await pool->acquire();
        auto second = co_await pool->acquire();
        std::memset(first.get(), 1, 4096);
        std::memset(second.get(), 2, 4096);
        std::byte* const warm = first.get();
        second.reset();
        first.reset();
        const auto again = co_await pool->acquire();
        EXPECT_EQ(again.get(), warm);
    };
    run_blocking(body());
}

TEST(BufferPool, TryingGivesNothingWhereAllAreInUse) {
    const auto pool = std::make_shared<BufferPool>(16, 1);
    auto only = pool->try_acquire();
    ASSERT_NE(only, nullptr);
    EXPECT_EQ(pool->try_acquire(), nullptr);
    only.reset();
    EXPECT_NE(pool->try_acquire(), nullptr);
}

TEST(BufferPool, WhoFindsNoneWaitsInTheOrderOfArrival) {
    const auto pool = std::make_shared<BufferPool>(16, 2);
    boost::asio::io_context context;
    std::string trace;
    const auto user = [&](char name) -> awaitable<void> {
        const auto buffer = co_await pool->acquire();
        trace += name;
    };
    const auto body = [&]() -> awaitable<void> {
        auto first = co_await pool->acquire();
        auto second = co_await pool->acquire();
        for (const char name : {'a', 'b', 'c', 'd'}) {
            co_spawn(context, user(name), boost::asio::detached);
        }
        auto yield = [&](Resume resume) { boost::asio::post(context, std::move(resume)); };
        for (int i = 0; i < 10; ++i) co_await suspend(yield);
        EXPECT_EQ(trace, "");
        pool->trim();  // nothing is free, so nothing changes
        second.reset();
        for (int i = 0; i < 20; ++i) co_await suspend(yield);
        EXPECT_EQ(trace, "abcd");
    };
    co_spawn(context, body(), boost::asio::detached);
    context.run();
}

TEST(BufferPool, NeverHasMoreBuffersOutThanAllowed) {
    const auto pool = std::make_shared<BufferPool>(64, 3);
    std::atomic<int> out = 0;
    const auto worker = [&]() -> awaitable<void> {
        for (int i = 0; i < 500; ++i) {
            const auto buffer = co_await pool->acquire();
            EXPECT_LE(++out, 3);
            std::memset(buffer.get(), i, 64);  // the sanitizer sees a buffer that two hold
            std::this_thread::yield();
            --out;
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) threads.emplace_back([&] { run_blocking(worker()); });
    for (std::thread& thread : threads) thread.join();
}

TEST(BufferPool, TrimFreesOnlyWhatWasNotUsedSinceTheLastOne) {
    const auto pool = std::make_shared<BufferPool>(64, 8);
    const auto body = [&]() -> awaitable<void> {
        std::vector<std::shared_ptr<std::byte[]>> held;
        for (int i = 0; i < 4; ++i) held.push_back(co_await pool->acquire());
        std::byte* const warm = held.front().get();
        while (!held.empty()) held.pop_back();
        pool->trim();
        held.push_back(co_await pool->acquire());
        EXPECT_EQ(held.front().get(), warm) << "the first trim after the use freed a buffer";
        held.clear();
        pool->trim();  // three of four were not touched
        pool->trim();
        // Whatever was freed, the pool still gives as many as it may.
        for (int i = 0; i < 8; ++i) held.push_back(co_await pool->acquire());
        for (const auto& buffer : held) std::memset(buffer.get(), 1, 64);
    };
    run_blocking(body());
}

TEST(BufferPool, ABufferMayOutliveEveryOtherReferenceToThePool) {
    std::shared_ptr<std::byte[]> buffer;
    {
        auto pool = std::make_shared<BufferPool>(64, 1);
        const auto body = [&]() -> awaitable<void> { buffer = co_await pool->acquire(); };
        run_blocking(body());
    }
    std::memset(buffer.get(), 1, 64);
}

}  // namespace
}  // namespace pkgreg
