#include "registry/segmented_reader.hpp"

#include "base/suspend.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

namespace pkgreg {
namespace {

/// The next segment is opened when this much of the current one is left.
constexpr std::uint64_t open_ahead = std::uint64_t{4} << 20;

}  // namespace

class SegmentedReader::Opening {
 public:
    void finish(std::unique_ptr<ObjectReader> reader, std::exception_ptr error) {
        Resume waiter;
        {
            const std::lock_guard lock(mutex_);
            reader_ = std::move(reader);
            error_ = std::move(error);
            done_ = true;
            waiter = std::exchange(waiter_, nullptr);
        }
        if (waiter) waiter();
    }

    awaitable<std::unique_ptr<ObjectReader>> wait() {
        auto start = [this](Resume resume) {
            {
                const std::lock_guard lock(mutex_);
                if (!done_) {
                    waiter_ = std::move(resume);
                    return;
                }
            }
            resume();
        };
        co_await suspend(start);
        if (error_) std::rethrow_exception(error_);
        co_return std::move(reader_);
    }

 private:
    std::mutex mutex_;
    bool done_ = false;
    std::unique_ptr<ObjectReader> reader_;
    std::exception_ptr error_;
    Resume waiter_;
};

SegmentedReader::SegmentedReader(std::shared_ptr<ObjectStore> store,
                                 std::vector<layout::Segment> segments, ByteRange range)
    : store_(std::move(store)), segments_(std::move(segments)) {
    for (const layout::Segment& segment : segments_) size_ += segment.size;
    interval_ = range.resolve(size_);
    if (!interval_) return;
    left_ = interval_->length;
    while (index_ < segments_.size() && offset_ + segments_[index_].size <= interval_->offset) {
        offset_ += segments_[index_++].size;
    }
}

awaitable<void> SegmentedReader::open_beside(std::shared_ptr<Opening> opening,
                                             std::shared_ptr<ObjectStore> store, ObjectKey key,
                                             ByteRange range) {
    std::unique_ptr<ObjectReader> reader;
    std::exception_ptr error;
    try {
        reader = co_await store->open(key, range);
    } catch (...) {
        error = std::current_exception();
    }
    opening->finish(std::move(reader), std::move(error));
}

ByteRange SegmentedReader::part_of(const layout::Segment& segment, std::uint64_t offset) const {
    const std::uint64_t end = interval_->offset + interval_->length;
    const std::uint64_t first = std::max(interval_->offset, offset) - offset;
    const std::uint64_t last = std::min(end - offset, segment.size) - 1;
    return ByteRange::between(first, last);
}

awaitable<void> SegmentedReader::open_current() {
    const layout::Segment& segment = segments_[index_];
    if (next_) {
        reader_ = co_await next_->wait();
        next_.reset();
    } else {
        const ObjectKey key = layout::data_key(segment.id);
        reader_ = co_await store_->open(key, part_of(segment, offset_));
    }
    const bool whole = reader_ && reader_->interval() && reader_->object_size() == segment.size;
    if (!whole) {
        throw Error(ErrorCode::corrupt, "a part of this blob, object data/" + segment.id + " of " +
                                            store_->describe() +
                                            ", is not there, or has another size than the blob's "
                                            "record says; push the blob again");
    }
    part_left_ = reader_->interval()->length;
}

awaitable<void> SegmentedReader::open_next() {
    const auto executor = co_await boost::asio::this_coro::executor;
    const layout::Segment& segment = segments_[index_ + 1];
    next_ = std::make_shared<Opening>();
    boost::asio::co_spawn(executor,
                          open_beside(next_, store_, layout::data_key(segment.id),
                                      part_of(segment, offset_ + segments_[index_].size)),
                          boost::asio::detached);
}

awaitable<void> SegmentedReader::prepare() {
    if (!reader_) co_await open_current();
    const bool more_behind = left_ > part_left_;
    if (more_behind && !next_ && part_left_ <= open_ahead) co_await open_next();
}

void SegmentedReader::count(std::size_t n) {
    left_ -= n;
    part_left_ -= n;
    if (part_left_ == 0) {
        reader_.reset();
        offset_ += segments_[index_++].size;
    }
}

awaitable<std::size_t> SegmentedReader::read(std::span<std::byte> into) {
    if (left_ == 0 || into.empty()) co_return 0;
    co_await prepare();
    const std::size_t room =
        static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), part_left_));
    const std::size_t n = co_await reader_->read(into.first(room));
    if (n == 0) {
        throw Error(ErrorCode::corrupt, "object data/" + segments_[index_].id + " of " +
                                            store_->describe() + " ended before its size");
    }
    count(n);
    co_return n;
}

awaitable<std::size_t> SegmentedReader::splice(int pipe, std::size_t most) {
    if (left_ == 0) co_return 0;
    co_await prepare();
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(most, part_left_));
    const std::size_t n = co_await reader_->splice(pipe, wanted);
    if (n > 0) count(n);
    co_return n;
}

}  // namespace pkgreg
