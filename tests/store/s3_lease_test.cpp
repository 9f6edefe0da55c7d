// The lease on a place in a bucket, on a bucket in memory that can be out of reach: a real server
// cannot be made to lose one client for an exact time.
#include "store/s3_lease.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

using namespace std::chrono_literals;

constexpr auto duration = 900ms;

std::int64_t now_ns() {
    return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// What all buckets of a test show.
struct Objects {
    struct Object {
        std::string bytes;
        std::int64_t modified;
    };
    std::mutex mutex;
    std::map<std::string, Object> all;
};

/// The operations that a lease needs.
class MemoryBucket final : public s3::Bucket {
 public:
    explicit MemoryBucket(std::shared_ptr<Objects> objects) : objects_(std::move(objects)) {}

    std::atomic<bool> out_of_reach = false;

    const std::string& describe() const noexcept override { return name_; }
    awaitable<std::shared_ptr<const std::string>> get(const std::string& key,
                                                      std::size_t) override {
        reach();
        const std::lock_guard lock(objects_->mutex);
        const auto found = objects_->all.find(key);
        std::shared_ptr<const std::string> bytes;
        if (found != objects_->all.end()) {
            bytes = std::make_shared<const std::string>(found->second.bytes);
        }
        co_return bytes;
    }
    awaitable<std::string> put(const std::string& key, std::span<const std::byte> bytes,
                               const s3::WriteCondition&) override {
        reach();
        const std::lock_guard lock(objects_->mutex);
        const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        objects_->all[key] = {text, now_ns()};
        co_return "etag";
    }
    awaitable<void> remove(const std::string& key) override {
        reach();
        const std::lock_guard lock(objects_->mutex);
        objects_->all.erase(key);
        co_return;
    }
    void remove_later(std::vector<std::string> keys) noexcept override {
        const std::lock_guard lock(objects_->mutex);
        for (const std::string& key : keys) objects_->all.erase(key);
    }
    awaitable<s3::ObjectList> list(const std::string& prefix, const std::string&,
                                   std::size_t) override {
        reach();
        const std::lock_guard lock(objects_->mutex);
        s3::ObjectList listed;
        for (const auto& [key, object] : objects_->all) {
            if (!key.starts_with(prefix)) continue;
            s3::ListedObject entry;
            entry.key = key;
            entry.head.modified = object.modified;
            listed.objects.push_back(std::move(entry));
        }
        co_return listed;
    }
    std::optional<std::chrono::seconds> clock_offset() const noexcept override { return 0s; }

    // What it does not need.
    awaitable<std::optional<s3::ObjectHead>> head(const std::string&) override { unexpected(); }
    awaitable<std::unique_ptr<s3::Download>> open(const std::string&, std::uint64_t,
                                                  std::uint64_t) override {
        unexpected();
    }
    awaitable<std::string> create_upload(const std::string&) override { unexpected(); }
    awaitable<s3::Part> upload_part(const std::string&, const std::string&, int,
                                    std::span<const std::byte>) override {
        unexpected();
    }
    awaitable<s3::Part> copy_part(const std::string&, const std::string&, int, const std::string&,
                                  std::uint64_t, std::uint64_t) override {
        unexpected();
    }
    awaitable<void> complete_upload(const std::string&, const std::string&,
                                    const std::vector<s3::Part>&, std::uint64_t) override {
        unexpected();
    }
    awaitable<void> abort_upload(const std::string&, const std::string&) override { unexpected(); }
    void abort_upload_later(std::string, std::string) noexcept override { ADD_FAILURE(); }
    awaitable<s3::UploadList> list_uploads(const std::string&, const std::string&,
                                           const std::string&) override {
        unexpected();
    }
    awaitable<void> remove(const std::vector<std::string>&) override { unexpected(); }
    awaitable<std::string> presign_get(const std::string&, std::chrono::seconds) override {
        unexpected();
    }
    awaitable<std::string> versioning() override { unexpected(); }
    awaitable<bool> object_lock() override { unexpected(); }
    std::uint64_t requests() const noexcept override { return 0; }

 private:
    void reach() const {
        if (out_of_reach) throw Error(ErrorCode::unavailable, "the bucket is out of reach");
    }
    [[noreturn]] static void unexpected() { throw std::logic_error("not an operation of a lease"); }

    const std::string name_ = "s3://bucket";
    std::shared_ptr<Objects> objects_;
};

/// A process that wants the lease.
struct Instance {
    explicit Instance(const std::shared_ptr<Objects>& objects)
        : bucket(std::make_shared<MemoryBucket>(objects)),
          lease(std::make_unique<S3Lease>(bucket, S3Lease::prefix_of("place/"), duration,
                                          [this](std::string_view text) { warn(text); })) {}

    /// What keeps it from the place, or nothing.
    std::optional<std::string> refusal() const {
        try {
            run_blocking(lease->require());
            return std::nullopt;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::unavailable);
            return error.message();
        }
    }
    bool holds() const { return !refusal(); }

    void warn(std::string_view text) {
        const std::lock_guard lock(mutex);
        warnings.emplace_back(text);
    }

    std::mutex mutex;
    std::vector<std::string> warnings;
    std::shared_ptr<MemoryBucket> bucket;
    std::unique_ptr<S3Lease> lease;
};

class Lease : public testing::Test {
 protected:
    std::shared_ptr<Objects> objects = std::make_shared<Objects>();
};

TEST_F(Lease, IsKeptAsLongAsItIsWanted) {
    Instance first(objects);
    Instance second(objects);
    const auto end = std::chrono::steady_clock::now() + 3 * duration;
    while (std::chrono::steady_clock::now() < end) {
        ASSERT_TRUE(first.holds());
        ASSERT_FALSE(second.holds());
        std::this_thread::sleep_for(duration / 10);
    }
}

TEST_F(Lease, TheRefusalSaysWhoHoldsItAndWhatToDo) {
    Instance first(objects);
    ASSERT_TRUE(first.holds());
    Instance second(objects);
    EXPECT_THAT(second.refusal().value_or(""),
                testing::AllOf(testing::HasSubstr("process " + std::to_string(::getpid())),
                               testing::HasSubstr("service.instances")));
}

TEST_F(Lease, IsGivenBackAtTheEnd) {
    auto first = std::make_unique<Instance>(objects);
    ASSERT_TRUE(first->holds());
    Instance second(objects);
    ASSERT_FALSE(second.holds());
    first.reset();
    EXPECT_TRUE(second.holds());
}

TEST_F(Lease, ThatWasNotGivenBackEndsByItself) {
    objects->all["place/.lease/killed"] = {"some process", now_ns()};
    Instance next(objects);
    EXPECT_FALSE(next.holds());
    std::this_thread::sleep_for(duration);
    EXPECT_TRUE(next.holds());
    EXPECT_FALSE(objects->all.contains("place/.lease/killed"));
}

TEST_F(Lease, AnOutageEndsItInTimeAndNeedsNoRestart) {
    Instance first(objects);
    ASSERT_TRUE(first.holds());
    first.bucket->out_of_reach = true;
    std::this_thread::sleep_for(duration * 2 / 3 + 100ms);
    EXPECT_FALSE(first.holds());
    first.bucket->out_of_reach = false;
    EXPECT_TRUE(first.holds());
}

TEST_F(Lease, WhoWasReplacedDuringAnOutageStaysOutEvenWhenTheOtherOneIsGone) {
    Instance first(objects);
    ASSERT_TRUE(first.holds());
    first.bucket->out_of_reach = true;
    std::this_thread::sleep_for(duration + 100ms);
    {
        Instance second(objects);
        ASSERT_TRUE(second.holds());
        first.bucket->out_of_reach = false;
        EXPECT_FALSE(first.holds());
    }
    EXPECT_THAT(first.refusal().value_or(""), testing::HasSubstr("restart"));
    const std::lock_guard lock(first.mutex);
    EXPECT_FALSE(first.warnings.empty());
}

TEST_F(Lease, OfManyThatTryAtOnceAtMostOneGetsIt) {
    for (int round = 0; round < 20; ++round) {
        objects->all.clear();
        std::vector<std::unique_ptr<Instance>> instances;
        for (int i = 0; i < 8; ++i) instances.push_back(std::make_unique<Instance>(objects));
        std::atomic<int> holders = 0;
        std::vector<std::thread> threads;
        for (const auto& instance : instances) {
            threads.emplace_back([&] { holders += instance->holds() ? 1 : 0; });
        }
        for (std::thread& thread : threads) thread.join();
        EXPECT_LE(holders, 1);
    }
}

}  // namespace
}  // namespace pkgreg
