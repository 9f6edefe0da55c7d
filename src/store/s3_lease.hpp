// S3Lease: keeps a second instance away from a place in a bucket. Needs nothing of S3 but that a
// listing shows what was written before it.
//
// In the place lie, under `.lease/`, which no key of a store begins with, one object per instance
// that holds the lease or wants it, `<id>`, and `holder`, which has the id of the newest one that
// got it. Who wants it writes its object, then lists: where another's is fresh, by the server's
// clock, it takes its own away and fails. So of two that try at once at most one gets it. The
// holder writes its object again and again, and stops using the place well before the others may
// think that it is gone. When it comes back after that, the place is still its own only if `holder`
// says so: else another one may have been there in between.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "base/suspend.hpp"
#include "s3/bucket.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace pkgreg {

class S3Lease {
 public:
    /// @param prefix   what the keys of leases begin with
    /// @param duration after this long without a sign of life an instance counts as gone
    S3Lease(std::shared_ptr<s3::Bucket> bucket, std::string prefix,
            std::chrono::milliseconds duration, std::function<void(std::string_view)> warn);
    /// Gives the lease back, so that the next instance need not wait.
    ~S3Lease();
    S3Lease(const S3Lease&) = delete;
    S3Lease& operator=(const S3Lease&) = delete;

    /// Completes when this process holds the lease. Throws `unavailable` while another one does.
    awaitable<void> require();

    /// Where the leases lie in a place whose keys begin with `place`.
    static std::string prefix_of(const std::string& place) { return place + ".lease/"; }

 private:
    using Clock = std::chrono::steady_clock;

    bool is_held() const noexcept { return Clock::now() < held_until_.load(); }
    std::string holder_key() const { return prefix_ + "holder"; }
    awaitable<void> acquire();
    awaitable<void> check_still_own();
    awaitable<void> refuse_others(const std::string& own);
    awaitable<void> renew();
    awaitable<void> renew_or_acquire();
    void keep_renewing();

    const std::shared_ptr<s3::Bucket> bucket_;
    const std::string prefix_;
    const std::chrono::milliseconds duration_;
    const std::function<void(std::string_view)> warn_;
    const std::shared_ptr<AsyncSharedMutex> acquiring_ = std::make_shared<AsyncSharedMutex>();
    std::atomic<Clock::time_point> held_until_{Clock::time_point::min()};
    // Guarded by `acquiring_`.
    std::string id_;  // empty until the lease was held once
    bool lost_ = false;

    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread renewer_;
};

}  // namespace pkgreg
