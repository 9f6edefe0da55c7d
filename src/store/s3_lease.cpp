#include "store/s3_lease.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "base/random_id.hpp"
#include "base/threads.hpp"
#include "store/bucket_errors.hpp"

#include <array>
#include <exception>
#include <span>
#include <unistd.h>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

constexpr std::size_t largest_lease = 4096;
constexpr std::size_t most_leases = 1000;

/// Who this is, for the message that another instance shows.
std::string own_name() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    return std::string(host.data()) + ", process " + std::to_string(::getpid());
}

std::chrono::nanoseconds age_of(const s3::Bucket& bucket, const s3::ListedObject& object) {
    const auto here = std::chrono::system_clock::now().time_since_epoch();
    const auto there = here + bucket.clock_offset().value_or(std::chrono::seconds(0));
    return there - std::chrono::nanoseconds(object.head.modified);
}

}  // namespace

S3Lease::S3Lease(std::shared_ptr<s3::Bucket> bucket, std::string prefix,
                 std::chrono::milliseconds duration, std::function<void(std::string_view)> warn)
    : bucket_(std::move(bucket)),
      prefix_(std::move(prefix)),
      duration_(duration),
      warn_(std::move(warn)) {}

S3Lease::~S3Lease() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (renewer_.joinable()) renewer_.join();
    if (!is_held()) return;  // another one may be in its place; this one's is seen to be old
    try {
        detail::drive(bucket_->remove(prefix_ + id_));
    } catch (const std::exception&) {
        // Then the next instance waits until it is old.
    }
}

awaitable<void> S3Lease::require() {
    if (is_held()) co_return;
    const auto guard = co_await acquiring_->lock_exclusive();
    if (is_held()) co_return;
    co_await acquire();
}

/// The caller holds `acquiring_`.
awaitable<void> S3Lease::acquire() {
    const bool again = !id_.empty();
    if (again) co_await check_still_own();
    // A lease that was not granted is removed, and that may come late: so each try has a name.
    const std::string own = again ? id_ : random_id();
    const std::string text = own_name();
    const std::string key = prefix_ + own;
    const auto began = Clock::now();
    const s3::WriteCondition none;
    co_await as_storage(bucket_->put(key, std::as_bytes(std::span(text)), none));
    co_await refuse_others(own);
    if (!again) {
        const std::string holder = holder_key();
        co_await as_storage(bucket_->put(holder, std::as_bytes(std::span(own)), none));
        id_ = own;
        renewer_ = start_thread([this] { keep_renewing(); });
    }
    // Others wait for all of the duration, and count from when the server got the object.
    held_until_ = began + duration_ * 2 / 3;
}

awaitable<void> S3Lease::check_still_own() {
    if (!lost_) {
        const std::string key = holder_key();
        const auto holder = co_await as_storage(bucket_->get(key, largest_lease));
        lost_ = !holder || *holder != id_;
        if (lost_ && warn_) {
            warn_(bucket_->describe() +
                  ": another instance took this one's place while it could not reach the bucket; "
                  "stop one of them, then restart this one");
        }
    }
    if (lost_) {
        throw Error(
            ErrorCode::unavailable,
            bucket_->describe() + ": another instance took this one's place; restart this one");
    }
}

/// Throws `unavailable` when another instance's lease is fresh; else removes those that are old.
awaitable<void> S3Lease::refuse_others(const std::string& own) {
    const s3::ObjectList leases = co_await as_storage(bucket_->list(prefix_, "", most_leases));
    std::vector<std::string> old;
    for (const s3::ListedObject& lease : leases.objects) {
        if (lease.key == prefix_ + own || lease.key == holder_key()) continue;
        const auto left = duration_ - age_of(*bucket_, lease);
        if (left <= std::chrono::nanoseconds(0)) {
            old.push_back(lease.key);
            continue;
        }
        const auto name = co_await as_storage(bucket_->get(lease.key, largest_lease));
        if (!name) continue;  // given back since
        const std::string key = prefix_ + own;
        co_await as_storage(bucket_->remove(key));
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(left).count();
        throw Error(ErrorCode::unavailable,
                    bucket_->describe() + " is in use by another instance (" +
                        name->substr(0, 300) + "), and the options say that there is one only. " +
                        "Stop that one (a lease that was not given back ends within " +
                        std::to_string(seconds) +
                        " s), or set service.instances to the number that there are");
    }
    if (!old.empty()) bucket_->remove_later(std::move(old));
}

awaitable<void> S3Lease::renew() {
    const auto began = Clock::now();
    const std::string text = own_name();
    const std::string key = prefix_ + id_;
    const s3::WriteCondition none;
    co_await as_storage(bucket_->put(key, std::as_bytes(std::span(text)), none));
    // An answer that came when the lease had run out says nothing: another may have it by then.
    if (is_held()) held_until_ = began + duration_ * 2 / 3;
}

awaitable<void> S3Lease::renew_or_acquire() {
    const auto guard = co_await acquiring_->lock_exclusive();
    if (lost_) co_return;
    if (is_held()) {
        co_await renew();
    } else {
        co_await acquire();
    }
}

void S3Lease::keep_renewing() {
    const auto pause = duration_ / 6;
    bool failed = false;
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
        lock.unlock();
        try {
            detail::drive(renew_or_acquire());
            failed = false;
        } catch (const std::exception& error) {
            if (!failed && warn_) {
                warn_(std::string("the lease on the bucket could not be renewed: ") + error.what());
            }
            failed = true;
        }
        lock.lock();
    }
}

}  // namespace pkgreg
