#include "store/s3_upload.hpp"

#include "pkgreg/error.hpp"

#include "base/suspend.hpp"
#include "store/bucket_errors.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

namespace pkgreg {

class S3Upload::Parts {
 public:
    Parts(std::shared_ptr<s3::Bucket> bucket, std::string name)
        : bucket_(std::move(bucket)), name_(std::move(name)) {}
    /// Behind the last part that was on its way, so none can arrive after it.
    ~Parts() {
        if (!upload_id_.empty() && !completed_) bucket_->abort_upload_later(name_, upload_id_);
    }

    const std::string& name() const noexcept { return name_; }
    s3::Bucket& bucket() const noexcept { return *bucket_; }
    bool begun() const noexcept { return !upload_id_.empty(); }
    const std::string& upload_id() const noexcept { return upload_id_; }

    awaitable<void> begin() { upload_id_ = co_await as_storage(bucket_->create_upload(name_)); }

    void sending() {
        const std::lock_guard lock(mutex_);
        ++in_flight_;
    }
    void sent(const s3::Part& part) {
        done([&] { parts_.push_back(part); });
    }
    void failed(std::exception_ptr error) {
        done([&] { error_ = std::move(error); });
    }

    /// Waits until at most `limit` parts are on their way. Throws what one of them failed with.
    awaitable<void> wait(std::size_t limit) {
        auto start = [this, limit](Resume resume) {
            {
                const std::lock_guard lock(mutex_);
                if (in_flight_ > limit && !error_) {
                    limit_ = limit;
                    waiter_ = std::move(resume);
                    return;
                }
            }
            resume();
        };
        bool now = false;
        {
            const std::lock_guard lock(mutex_);
            now = in_flight_ <= limit || error_;
        }
        if (!now) co_await suspend(start);
        const std::lock_guard lock(mutex_);
        if (error_) std::rethrow_exception(error_);
    }

    awaitable<void> complete(std::uint64_t size) {
        co_await wait(0);
        std::sort(parts_.begin(), parts_.end(),
                  [](const s3::Part& a, const s3::Part& b) { return a.number < b.number; });
        co_await as_storage(bucket_->complete_upload(name_, upload_id_, parts_, size));
        completed_ = true;
    }

 private:
    template <class Record>
    void done(Record record) {
        Resume waiter;
        {
            const std::lock_guard lock(mutex_);
            --in_flight_;
            record();
            if (waiter_ && (in_flight_ <= limit_ || error_)) {
                waiter = std::exchange(waiter_, nullptr);
            }
        }
        if (waiter) waiter();
    }

    std::shared_ptr<s3::Bucket> bucket_;
    std::string name_;
    std::string upload_id_;
    bool completed_ = false;
    std::mutex mutex_;
    std::size_t in_flight_ = 0;
    std::vector<s3::Part> parts_;
    std::exception_ptr error_;
    std::size_t limit_ = 0;
    Resume waiter_;
};

S3Upload::S3Upload(std::shared_ptr<const S3UploadContext> context, ObjectKey key, std::string name)
    : context_(std::move(context)),
      key_(std::move(key)),
      parts_(std::make_shared<Parts>(context_->bucket, std::move(name))) {}

S3Upload::~S3Upload() = default;

bool S3Upload::full() const noexcept {
    const bool last = next_number_ == context_->parts_per_object;
    return next_number_ > context_->parts_per_object ||
           (last && filled_ == context_->parts->buffer_size());
}

awaitable<void> S3Upload::send(std::shared_ptr<Parts> parts, int number,
                               std::shared_ptr<std::byte[]> memory, std::size_t size) {
    try {
        const s3::Part part = co_await as_storage(parts->bucket().upload_part(
            parts->name(), parts->upload_id(), number, std::span(memory.get(), size)));
        memory.reset();
        parts->sent(part);
    } catch (...) {
        memory.reset();
        parts->failed(std::current_exception());
    }
}

/// Sends the part that was filled, beside whatever comes.
awaitable<void> S3Upload::dispatch() {
    if (!parts_->begun()) co_await parts_->begin();
    const auto executor = co_await boost::asio::this_coro::executor;
    parts_->sending();
    boost::asio::co_spawn(executor, send(parts_, next_number_++, std::move(memory_), filled_),
                          boost::asio::detached);
    memory_ = nullptr;
    filled_ = 0;
}

awaitable<UploadBuffer> S3Upload::buffer() {
    const std::size_t part_size = context_->parts->buffer_size();
    if (memory_ && filled_ == part_size) co_await dispatch();
    if (!memory_) {
        co_await parts_->wait(context_->parts_in_flight - 1);
        memory_ = co_await context_->parts->acquire();
    }
    UploadBuffer buffer;
    buffer.room = std::span(memory_.get() + filled_, part_size - filled_);
    buffer.owner = memory_;
    co_return buffer;
}

awaitable<void> S3Upload::append(std::span<const std::byte> bytes,
                                 std::shared_ptr<const void> owner) {
    while (!bytes.empty()) {
        const bool own = memory_ && bytes.data() == memory_.get() + filled_;
        std::size_t n = bytes.size();
        if (!own) {
            const UploadBuffer into = co_await buffer();
            n = std::min(n, into.room.size());
            std::memcpy(into.room.data(), bytes.data(), n);
        }
        filled_ += n;
        size_ += n;
        bytes = bytes.subspan(n);
    }
    owner.reset();
    // The last part of an object may be short, and an object of one part needs no multipart upload:
    // so the first one waits until more comes.
    if (parts_->begun() && filled_ == context_->parts->buffer_size()) co_await dispatch();
}

awaitable<void> S3Upload::flush() {
    co_await parts_->wait(0);
}

awaitable<std::unique_ptr<ObjectReader>> S3Upload::read_back() {
    throw Error(ErrorCode::unsupported,
                "an upload to S3 cannot be read before it is complete; publish it first");
    co_return nullptr;
}

awaitable<void> S3Upload::complete() {
    if (!parts_->begun()) {
        const std::span<const std::byte> bytes(memory_.get(), filled_);
        const s3::WriteCondition none;
        co_await as_storage(context_->bucket->put(parts_->name(), bytes, none));
        memory_.reset();
        co_return;
    }
    if (filled_ > 0) co_await dispatch();
    co_await parts_->complete(size_);
}

}  // namespace pkgreg
