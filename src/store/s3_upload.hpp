// S3Upload: an object on its way into a bucket, of unknown length. Bytes are received into parts of
// a fixed size; a part is sent as soon as it is full, beside the next ones. What fits into one part
// is a single PutObject.
#pragma once

#include "pkgreg/object_store.hpp"
#include "pkgreg/s3_store.hpp"

#include "base/buffer_pool.hpp"
#include "s3/bucket.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace pkgreg {

/// What uploads need of their store.
struct S3UploadContext {
    std::shared_ptr<s3::Bucket> bucket;
    /// Buffers of the size of a part.
    std::shared_ptr<BufferPool> parts;
    std::size_t parts_in_flight = 1;
    int parts_per_object = 10'000;
};

class S3Upload final : public ObjectUpload {
 public:
    /// @param name the whole key in the bucket
    S3Upload(std::shared_ptr<const S3UploadContext> context, ObjectKey key, std::string name);
    ~S3Upload() override;

    awaitable<UploadBuffer> buffer() override;
    awaitable<void> append(std::span<const std::byte> bytes,
                           std::shared_ptr<const void> owner) override;
    awaitable<void> flush() override;
    /// Throws `unsupported`: S3 gives no part back before the object is complete.
    awaitable<std::unique_ptr<ObjectReader>> read_back() override;
    std::uint64_t size() const noexcept override { return size_; }
    bool full() const noexcept override;

    const ObjectKey& key() const noexcept { return key_; }
    /// Sends the rest and completes the object.
    awaitable<void> complete();

 private:
    /// What the sending of parts shares with the upload, and may outlive it.
    class Parts;

    awaitable<void> dispatch();
    static awaitable<void> send(std::shared_ptr<Parts> parts, int number,
                                std::shared_ptr<std::byte[]> memory, std::size_t size);

    std::shared_ptr<const S3UploadContext> context_;
    ObjectKey key_;
    std::shared_ptr<Parts> parts_;
    /// The part that is being filled.
    std::shared_ptr<std::byte[]> memory_;
    std::size_t filled_ = 0;
    int next_number_ = 1;
    std::uint64_t size_ = 0;
};

}  // namespace pkgreg
