#include "pkgreg/work_pool.hpp"

#include "base/threads.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace pkgreg {

struct WorkPool::State {
    explicit State(std::size_t n) : max_threads(n) {}

    /// A thread that waits for a task.
    struct Waiting {
        std::condition_variable wake;
        bool called = false;
    };

    void run() {
        Waiting self;
        std::unique_lock lock(mutex);
        while (true) {
            while (tasks.empty()) {
                if (stopping) return;
                self.called = false;
                waiting.push_back(&self);
                self.wake.wait(lock, [&] { return self.called; });
            }
            auto task = std::move(tasks.front());
            tasks.pop_front();
            lock.unlock();
            task();
            task = nullptr;
            lock.lock();
        }
    }

    const std::size_t max_threads;
    std::mutex mutex;
    std::deque<std::function<void()>> tasks;
    std::vector<std::thread> threads;
    /// The one that worked last is called first: its core still has its stack, and often what the
    /// task before has left.
    std::vector<Waiting*> waiting;
    bool stopping = false;
};

WorkPool::WorkPool(std::size_t threads) {
    if (threads == 0) threads = std::max<std::size_t>(8, 2 * std::thread::hardware_concurrency());
    state_ = std::make_unique<State>(threads);
}

WorkPool::~WorkPool() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
        for (State::Waiting* const thread : state_->waiting) {
            thread->called = true;
            thread->wake.notify_one();
        }
        state_->waiting.clear();
    }
    for (std::thread& thread : state_->threads) thread.join();
}

void WorkPool::post(std::function<void()> task) {
    const std::lock_guard lock(state_->mutex);
    state_->tasks.push_back(std::move(task));
    if (!state_->waiting.empty()) {
        State::Waiting* const thread = state_->waiting.back();
        state_->waiting.pop_back();
        thread->called = true;
        // Under the lock: a thread that was called may be over, with this, once it has it.
        thread->wake.notify_one();
    } else if (state_->threads.size() < state_->max_threads) {
        // Every one that exists is busy, or called already: most pools never grow to the limit.
        state_->threads.push_back(start_thread([state = state_.get()] { state->run(); }));
    }
}

std::size_t WorkPool::max_threads() const noexcept {
    return state_->max_threads;
}

}  // namespace pkgreg
