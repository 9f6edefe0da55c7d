// WorkQueue: jobs that a few threads do side by side, and everything that went wrong in them.
#pragma once

#include "pkgreg/dcos/metadata.hpp"

#include "cli/build/fetcher.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace pkgreg::cli {

/// Jobs may add further jobs. One that fails with `Error` does not end the others: each failure
/// becomes a problem of the job's subject.
class WorkQueue {
 public:
    using Job = std::function<void(Fetcher&)>;

    /// What a job is done for: an asset's path, and its place in the order of problems.
    struct Subject {
        std::size_t order = 0;
        std::string path;
    };

    explicit WorkQueue(FetchSettings settings) : settings_(std::move(settings)) {}

    void add(Subject subject, Job job);

    /// Does all jobs with that many threads. Returns the problems, ordered by subject. Throws
    /// `Interrupted`, and what a job throws that is no `Error`.
    std::vector<Problem> run(std::size_t threads);

 private:
    struct Entry {
        Subject subject;
        Job job;
    };

    void work();
    bool take(Entry& entry);
    void finish(const Subject& subject, const std::exception_ptr& failure);

    const FetchSettings settings_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Entry> waiting_;
    std::size_t running_ = 0;
    std::exception_ptr fatal_;
    std::vector<std::pair<std::size_t, Problem>> problems_;
};

}  // namespace pkgreg::cli
