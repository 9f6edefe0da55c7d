// The primitives that coroutines wait with: offload, WorkChain, AsyncSharedMutex and side_by_side.
#include "base/suspend.hpp"

#include "pkgreg/blocking.hpp"

#include "base/side_by_side.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace pkgreg {
namespace {

using namespace std::chrono_literals;

TEST(Offload, RunsOnThePoolAndResumesOnTheCallersThread) {
    WorkPool pool(1);
    const auto here = std::this_thread::get_id();
    const auto body = [&]() -> awaitable<void> {
        auto where = [] { return std::this_thread::get_id(); };
        const auto there = co_await offload(pool, where);
        EXPECT_NE(there, here);
        EXPECT_EQ(std::this_thread::get_id(), here);
    };
    run_blocking(body());
}

TEST(Offload, GivesWhatTheWorkGivesAndThrowsWhatItThrows) {
    WorkPool pool(1);
    const auto body = [&]() -> awaitable<void> {
        auto text = [] { return std::make_unique<std::string>("moved"); };
        const auto moved = co_await offload(pool, text);
        EXPECT_EQ(*moved, "moved");
        int ran = 0;
        auto nothing = [&] { ++ran; };
        co_await offload(pool, nothing);
        EXPECT_EQ(ran, 1);
        auto fail = []() -> int { throw std::runtime_error("as it was"); };
        auto fail_silently = [] { throw std::runtime_error("as it was"); };
        int thrown = 0;
        try {
            co_await offload(pool, fail);
        } catch (const std::runtime_error&) {
            ++thrown;
        }
        try {
            co_await offload(pool, fail_silently);
        } catch (const std::runtime_error&) {
            ++thrown;
        }
        EXPECT_EQ(thrown, 2);
    };
    run_blocking(body());
}

TEST(Suspend, MayBeResumedBeforeItSuspends) {
    const auto body = []() -> awaitable<void> {
        for (int i = 0; i < 1000; ++i) {
            auto start = [](Resume resume) { resume(); };
            co_await suspend(start);
        }
    };
    run_blocking(body());
}

/// Holds a chain at a task until it is opened.
struct Gate {
    std::binary_semaphore entered{0};
    std::binary_semaphore opened{0};

    void pass() {
        entered.release();
        opened.acquire();
    }
};

TEST(WorkChain, RunsTasksInTheOrderTheyWereAdded) {
    WorkPool pool(4);
    std::vector<int> order;
    const auto body = [&]() -> awaitable<void> {
        WorkChain chain(pool);
        for (int i = 0; i < 500; ++i) chain.add([&order, i] { order.push_back(i); });
        co_await chain.drain();
        EXPECT_EQ(order.size(), 500u);
        // A chain that was idle goes on.
        chain.add([&order] { order.push_back(500); });
        co_await chain.drain();
    };
    run_blocking(body());
    ASSERT_EQ(order.size(), 501u);
    for (int i = 0; i <= 500; ++i) ASSERT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(WorkChain, TasksThatAreNotEnoughWaitForStartOrDrain) {
    WorkPool pool(2);
    std::atomic<int> ran = 0;
    const auto body = [&]() -> awaitable<void> {
        WorkChain chain(pool);
        const auto add = [&] { chain.add([&] { ++ran; }, 3); };
        add();
        add();
        auto behind = [] {};
        for (int i = 0; i < 20; ++i) co_await offload(pool, behind);
        EXPECT_EQ(ran, 0);
        co_await chain.drain();
        EXPECT_EQ(ran, 2);
        add();
        chain.start();
        while (ran != 3) std::this_thread::yield();
        co_await chain.drain();
        for (int i = 0; i < 3; ++i) add();  // enough
        while (ran != 6) std::this_thread::yield();
        chain.start();  // nothing waits
        co_await chain.drain();
        EXPECT_EQ(ran, 6);
    };
    run_blocking(body());
}

TEST(WorkChain, DrainToALimitReturnsWhileThatManyAreLeft) {
    WorkPool pool(2);
    Gate gate;
    std::atomic<int> ran = 0;
    const auto body = [&]() -> awaitable<void> {
        WorkChain chain(pool);
        for (int i = 0; i < 3; ++i) chain.add([&] { ++ran; });
        chain.add([&] { gate.pass(); });
        chain.add([&] { ++ran; });
        co_await chain.drain(2);  // the one at the gate, and the one behind it
        EXPECT_EQ(ran, 3);
        gate.opened.release();
        co_await chain.drain(0);
        EXPECT_EQ(ran, 4);
        co_await chain.drain(0);  // nothing to wait for
    };
    run_blocking(body());
}

TEST(WorkChain, AnErrorDropsWhatIsBehindItAndIsThrownByDrain) {
    WorkPool pool(2);
    Gate gate;
    std::atomic<int> ran = 0;
    const auto token = std::make_shared<int>();
    const auto body = [&]() -> awaitable<void> {
        WorkChain chain(pool);
        chain.add([&] {
            gate.pass();
            throw std::runtime_error("disk gone");
        });
        for (int i = 0; i < 5; ++i) chain.add([&ran, token] { ++ran; });
        gate.opened.release();
        int thrown = 0;
        try {
            co_await chain.drain();
        } catch (const std::runtime_error&) {
            ++thrown;
        }
        EXPECT_EQ(ran, 0);
        EXPECT_EQ(token.use_count(), 1) << "dropped tasks still hold what they captured";
        chain.add([&ran, token] { ++ran; });
        EXPECT_EQ(token.use_count(), 1) << "a task was taken after the error";
        EXPECT_THROW(chain.throw_if_failed(), std::runtime_error);
        try {
            co_await chain.drain();
        } catch (const std::runtime_error&) {
            ++thrown;
        }
        EXPECT_EQ(thrown, 2) << "every drain tells of the error";
    };
    run_blocking(body());
}

// A coroutine is destroyed with its chain when a connection or a server goes away.
TEST(WorkChain, StopDropsWaitingTasksAndWaitsForTheOneThatRuns) {
    WorkPool pool(1);
    Gate gate;
    std::atomic<bool> finished = false;
    std::atomic<int> ran = 0;
    const auto token = std::make_shared<int>();
    WorkChain chain(pool);
    chain.add([&] {
        gate.pass();
        std::this_thread::sleep_for(20ms);
        finished = true;
    });
    for (int i = 0; i < 5; ++i) chain.add([&ran, token] { ++ran; });
    gate.entered.acquire();
    gate.opened.release();
    chain.stop();
    EXPECT_TRUE(finished) << "a task runs on after its chain was stopped";
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_EQ(ran, 0);
    chain.stop();  // nothing to do
}

TEST(WorkChain, DestroyingItDropsWaitingTasksAndLetsTheOneThatRunsGoOn) {
    WorkPool pool(1);
    Gate gate;
    std::atomic<int> ran = 0;
    const auto token = std::make_shared<int>();
    {
        WorkChain chain(pool);
        chain.add([&, token] { gate.pass(); });
        for (int i = 0; i < 5; ++i) chain.add([&ran, token] { ++ran; });
        gate.entered.acquire();
    }
    EXPECT_EQ(token.use_count(), 2) << "only the task that runs still holds what it captured";
    gate.opened.release();
    std::latch over(1);
    pool.post([&] { over.count_down(); });
    over.wait();
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_EQ(ran, 0);
}

TEST(WorkChain, StopWaitsForNoTaskThatHasNotBegun) {
    WorkPool pool(1);
    Gate gate;
    pool.post([&] { gate.pass(); });
    gate.entered.acquire();
    std::atomic<int> ran = 0;
    {
        WorkChain chain(pool);
        chain.add([&ran] { ++ran; });
        chain.stop();
    }
    gate.opened.release();
    EXPECT_EQ(ran, 0);
}

TEST(AsyncSharedMutex, ManyShareItOrOneHoldsItAlone) {
    const auto mutex = std::make_shared<AsyncSharedMutex>();
    boost::asio::io_context context;
    std::string trace;
    const auto reader = [&](char name) -> awaitable<void> {
        const auto guard = co_await mutex->lock_shared();
        trace += name;
    };
    const auto writer = [&](char name) -> awaitable<void> {
        const auto guard = co_await mutex->lock_exclusive();
        trace += name;
    };
    const auto body = [&]() -> awaitable<void> {
        auto first = co_await mutex->lock_shared();
        auto second = co_await mutex->lock_shared();  // beside the first
        co_spawn(context, writer('W'), boost::asio::detached);
        // Behind the writer, although readers hold it: else writers would starve.
        co_spawn(context, reader('a'), boost::asio::detached);
        co_spawn(context, reader('b'), boost::asio::detached);
        co_spawn(context, writer('X'), boost::asio::detached);
        co_spawn(context, reader('c'), boost::asio::detached);
        auto yield = [&](Resume resume) { boost::asio::post(context, std::move(resume)); };
        for (int i = 0; i < 10; ++i) co_await suspend(yield);
        EXPECT_EQ(trace, "");
        first.unlock();
        for (int i = 0; i < 10; ++i) co_await suspend(yield);
        EXPECT_EQ(trace, "") << "one of two holders is still there";
        second.unlock();
    };
    co_spawn(context, body(), boost::asio::detached);
    context.run();
    EXPECT_EQ(trace, "WabXc");
}

TEST(AsyncSharedMutex, ExcludesWritersUnderThreads) {
    const auto mutex = std::make_shared<AsyncSharedMutex>();
    // Not atomic on purpose: the sanitizer sees what the lock does not order.
    long value = 0;
    std::atomic<int> readers = 0;
    std::atomic<int> writers = 0;
    std::atomic<int> shared_at_once = 0;
    constexpr int rounds = 300;
    const auto worker = [&](bool writes) -> awaitable<void> {
        for (int i = 0; i < rounds; ++i) {
            if (writes) {
                const auto guard = co_await mutex->lock_exclusive();
                EXPECT_EQ(++writers, 1);
                EXPECT_EQ(readers, 0);
                ++value;
                --writers;
            } else {
                const auto guard = co_await mutex->lock_shared();
                if (++readers > 1) ++shared_at_once;
                EXPECT_EQ(writers, 0);
                EXPECT_GE(value, 0);
                std::this_thread::yield();
                --readers;
            }
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i) threads.emplace_back([&, i] { run_blocking(worker(i < 3)); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(value, 3 * rounds);
}

TEST(SideBySide, DoesEveryNumberOnceAndNoMoreAtATimeThanAllowed) {
    WorkPool pool(8);
    for (const std::size_t count : {0u, 1u, 3u, 4u, 50u}) {
        std::vector<int> done(count);
        int running = 0;
        int most = 0;
        const auto work = [&](std::size_t i) -> awaitable<void> {
            most = std::max(most, ++running);
            const auto pause = [] { std::this_thread::sleep_for(1ms); };
            co_await offload(pool, pause);
            ++done[i];
            --running;
        };
        run_blocking(side_by_side(count, 4, work));
        EXPECT_EQ(done, std::vector<int>(count, 1));
        EXPECT_EQ(most, static_cast<int>(std::min<std::size_t>(count, 4)));
    }
}

TEST(SideBySide, ThrowsTheFirstErrorWhenAllAreOverAndBeginsNoMore) {
    WorkPool pool(4);
    std::atomic<int> begun = 0;
    int running = 0;
    const auto work = [&](std::size_t i) -> awaitable<void> {
        ++begun;
        ++running;
        const auto pause = [i] { std::this_thread::sleep_for(i == 0 ? 1ms : 20ms); };
        co_await offload(pool, pause);
        --running;
        if (i == 0) throw std::runtime_error("first");
    };
    const auto body = [&]() -> awaitable<void> {
        try {
            co_await side_by_side(100, 3, work);
            ADD_FAILURE() << "nothing was thrown";
        } catch (const std::runtime_error& error) {
            EXPECT_STREQ(error.what(), "first");
        }
        EXPECT_EQ(running, 0);
    };
    run_blocking(body());
    EXPECT_EQ(begun, 3);
}

TEST(SideBySide, WorksWhereEveryOperationIsDoneAtOnce) {
    std::size_t sum = 0;
    const auto work = [&](std::size_t i) -> awaitable<void> {
        sum += i;
        co_return;
    };
    run_blocking(side_by_side(1000, 8, work));
    EXPECT_EQ(sum, 999u * 1000 / 2);
}

TEST(AsyncSharedMutex, AGuardUnlocksOnceAndMayBeMoved) {
    const auto mutex = std::make_shared<AsyncSharedMutex>();
    const auto body = [&]() -> awaitable<void> {
        auto guard = co_await mutex->lock_exclusive();
        AsyncSharedMutex::Guard other = std::move(guard);
        guard.unlock();  // holds nothing any more
        other.unlock();
        other.unlock();
        auto again = co_await mutex->lock_exclusive();
        again = AsyncSharedMutex::Guard();
        auto last = co_await mutex->lock_shared();
    };
    run_blocking(body());
}

}  // namespace
}  // namespace pkgreg
