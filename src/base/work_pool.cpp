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

    void run() {
        std::unique_lock lock(mutex);
        while (true) {
            ++idle;
            wake.wait(lock, [this] { return stopping || !tasks.empty(); });
            --idle;
            if (tasks.empty()) return;
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
    std::condition_variable wake;
    std::deque<std::function<void()>> tasks;
    std::vector<std::thread> threads;
    std::size_t idle = 0;
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
    }
    state_->wake.notify_all();
    for (std::thread& thread : state_->threads) thread.join();
}

void WorkPool::post(std::function<void()> task) {
    {
        const std::lock_guard lock(state_->mutex);
        state_->tasks.push_back(std::move(task));
        // A thread more only when every one that exists is busy: most pools never grow to the
        // limit.
        if (state_->idle < state_->tasks.size() && state_->threads.size() < state_->max_threads) {
            state_->threads.push_back(start_thread([state = state_.get()] { state->run(); }));
        }
    }
    state_->wake.notify_one();
}

std::size_t WorkPool::max_threads() const noexcept {
    return state_->max_threads;
}

}  // namespace pkgreg
