#include "store/s3_concatenation.hpp"

#include "pkgreg/error.hpp"

#include "store/bucket_errors.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace pkgreg {
namespace {

/// Every part but the last has at least so much.
constexpr std::uint64_t least_part = std::uint64_t{5} << 20;
/// S3 allows 5 GiB; a server that really copies the bytes answers in time with less.
constexpr std::uint64_t largest_copy = std::uint64_t{256} << 20;
constexpr std::uint64_t most_parts = 10'000;

/// At most.
std::uint64_t parts_needed(const std::vector<S3Concatenation::Source>& sources) {
    std::uint64_t parts = 0;
    std::uint64_t small = 0;
    for (const auto& source : sources) {
        if (source.size < least_part) {
            small += source.size;
        } else {
            parts += 2 + source.size / largest_copy;
        }
    }
    return parts + small / least_part + 1;
}

}  // namespace

S3Concatenation::S3Concatenation(std::shared_ptr<s3::Bucket> bucket,
                                 std::shared_ptr<BufferPool> buffers, std::string target)
    : bucket_(std::move(bucket)), buffers_(std::move(buffers)), target_(std::move(target)) {}

S3Concatenation::~S3Concatenation() {
    if (!upload_id_.empty() && !complete_) bucket_->abort_upload_later(target_, upload_id_);
}

awaitable<bool> S3Concatenation::run(const std::vector<Source>& sources) {
    if (parts_needed(sources) > most_parts) co_return false;
    buffer_ = co_await buffers_->acquire();
    upload_id_ = co_await as_storage(bucket_->create_upload(target_));
    std::uint64_t size = 0;
    for (const Source& source : sources) {
        const bool last = &source == &sources.back();
        co_await append(source, last);
        size += source.size;
    }
    if (filled_ > 0 || parts_.empty()) co_await send_buffer();
    co_await as_storage(bucket_->complete_upload(target_, upload_id_, parts_, size));
    complete_ = true;
    co_return true;
}

awaitable<void> S3Concatenation::append(const Source& source, bool last) {
    std::uint64_t at = 0;
    while (at < source.size) {
        const std::uint64_t rest = source.size - at;
        std::uint64_t length = std::min(rest, largest_copy);
        if (filled_ == 0 && (rest >= least_part || last)) {
            co_await copy(source, at, length);
        } else {
            // What waits in the buffer is made a part with no more than that needs.
            length = std::min(rest, least_part - filled_);
            co_await read(source, at, length);
            if (filled_ == least_part) co_await send_buffer();
        }
        at += length;
    }
}

awaitable<void> S3Concatenation::copy(const Source& source, std::uint64_t offset,
                                      std::uint64_t length) {
    const int number = static_cast<int>(parts_.size()) + 1;
    const s3::Part part = co_await as_storage(
        bucket_->copy_part(target_, upload_id_, number, source.key, offset, offset + length - 1));
    parts_.push_back(part);
}

awaitable<void> S3Concatenation::read(const Source& source, std::uint64_t offset,
                                      std::uint64_t length) {
    const auto download =
        co_await as_storage(bucket_->open(source.key, offset, offset + length - 1));
    if (!download || download->head().size != source.size) {
        throw Error(ErrorCode::not_found,
                    bucket_->describe() + ": '" + source.key + "' is not there, or not as it was");
    }
    std::uint64_t left = length;
    while (left > 0) {
        const std::span<std::byte> room(buffer_.get() + filled_, left);
        const std::size_t n = co_await as_storage(download->read(room));
        if (n == 0) {
            throw Error(ErrorCode::unavailable,
                        bucket_->describe() + ": '" + source.key + "' ended early");
        }
        filled_ += n;
        left -= n;
    }
}

awaitable<void> S3Concatenation::send_buffer() {
    const int number = static_cast<int>(parts_.size()) + 1;
    const std::span<const std::byte> bytes(buffer_.get(), filled_);
    const s3::Part part =
        co_await as_storage(bucket_->upload_part(target_, upload_id_, number, bytes));
    parts_.push_back(part);
    filled_ = 0;
}

}  // namespace pkgreg
