// WorkPool: every task runs once, on no more threads than allowed, and none is lost at the end.
#include "pkgreg/work_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

namespace pkgreg {
namespace {

TEST(WorkPool, RunsEveryTaskOnceBeforeItEnds) {
    std::atomic<int> ran = 0;
    {
        WorkPool pool(3);
        for (int i = 0; i < 1000; ++i) pool.post([&] { ++ran; });
    }
    EXPECT_EQ(ran, 1000);
}

TEST(WorkPool, TasksMayPostTasks) {
    std::atomic<int> ran = 0;
    {
        WorkPool pool(2);
        for (int i = 0; i < 50; ++i) {
            pool.post([&] {
                ++ran;
                pool.post([&] { ++ran; });
            });
        }
    }
    EXPECT_EQ(ran, 100);
}

TEST(WorkPool, RunsAsManyTasksAtOnceAsItHasThreads) {
    WorkPool pool(4);
    EXPECT_EQ(pool.max_threads(), 4u);
    std::latch all_here(4);
    std::latch done(4);
    std::mutex mutex;
    std::set<std::thread::id> threads;
    for (int i = 0; i < 4; ++i) {
        pool.post([&] {
            all_here.arrive_and_wait();  // would wait for ever with fewer threads
            const std::lock_guard lock(mutex);
            threads.insert(std::this_thread::get_id());
            done.count_down();
        });
    }
    done.wait();
    EXPECT_EQ(threads.size(), 4u);
}

TEST(WorkPool, NeverRunsOnMoreThreadsThanAllowed) {
    std::mutex mutex;
    std::set<std::thread::id> threads;
    {
        WorkPool pool(2);
        for (int i = 0; i < 200; ++i) {
            pool.post([&] {
                const std::lock_guard lock(mutex);
                threads.insert(std::this_thread::get_id());
            });
        }
    }
    EXPECT_LE(threads.size(), 2u);
}

TEST(WorkPool, ItsThreadsBlockAllSignals) {
    bool blocked = false;
    {
        WorkPool pool(1);
        pool.post([&] {
            sigset_t set;
            pthread_sigmask(SIG_SETMASK, nullptr, &set);
            blocked = sigismember(&set, SIGTERM) == 1 && sigismember(&set, SIGINT) == 1;
        });
    }
    EXPECT_TRUE(blocked);
}

}  // namespace
}  // namespace pkgreg
