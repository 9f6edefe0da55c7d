#include "cli/build/work_queue.hpp"

#include "pkgreg/error.hpp"

#include "base/threads.hpp"

#include <algorithm>
#include <thread>

namespace pkgreg::cli {

void WorkQueue::add(Subject subject, Job job) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(subject), std::move(job)});
    changed_.notify_one();
}

std::vector<Problem> WorkQueue::run(std::size_t threads) {
    std::vector<std::thread> workers;
    for (std::size_t i = 0; i < threads; ++i) workers.push_back(start_thread([this] { work(); }));
    for (std::thread& worker : workers) worker.join();
    if (fatal_) std::rethrow_exception(fatal_);
    std::ranges::stable_sort(problems_, {}, [](const auto& problem) { return problem.first; });
    std::vector<Problem> problems;
    for (auto& [order, problem] : problems_) problems.push_back(std::move(problem));
    problems_.clear();
    return problems;
}

void WorkQueue::work() {
    try {
        Fetcher fetcher(settings_);
        Entry entry;
        while (take(entry)) {
            std::exception_ptr failure;
            try {
                settings_.interruption->check();
                entry.job(fetcher);
            } catch (...) {
                failure = std::current_exception();
            }
            // What the job holds is let go before the next one, or the end, is waited for.
            entry.job = nullptr;
            finish(entry.subject, failure);
        }
    } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!fatal_) fatal_ = std::current_exception();
        changed_.notify_all();
    }
}

bool WorkQueue::take(Entry& entry) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return fatal_ || !waiting_.empty() || running_ == 0; });
    if (fatal_ || waiting_.empty()) return false;
    entry = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    return true;
}

void WorkQueue::finish(const Subject& subject, const std::exception_ptr& failure) {
    const std::lock_guard lock(mutex_);
    --running_;
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const Error& error) {
        problems_.push_back({subject.order, {"", subject.path, error.message()}});
    } catch (...) {
        if (!fatal_) fatal_ = std::current_exception();
    }
    changed_.notify_all();
}

}  // namespace pkgreg::cli
