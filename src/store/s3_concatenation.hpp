// S3Concatenation: several objects of a bucket put together as one. S3 copies what is large enough
// for a part of its own (UploadPartCopy); what is smaller passes through here, since every part but
// the last must have 5 MiB.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "base/buffer_pool.hpp"
#include "s3/bucket.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pkgreg {

class S3Concatenation {
 public:
    struct Source {
        std::string key;
        std::uint64_t size = 0;
    };

    /// @param buffers of 5 MiB or more; one is used
    S3Concatenation(std::shared_ptr<s3::Bucket> bucket, std::shared_ptr<BufferPool> buffers,
                    std::string target);
    /// Gives up what was not finished.
    ~S3Concatenation();
    S3Concatenation(const S3Concatenation&) = delete;
    S3Concatenation& operator=(const S3Concatenation&) = delete;

    /// Writes the target. False where it would need more parts than S3 has for an object; then
    /// nothing is written.
    awaitable<bool> run(const std::vector<Source>& sources);

 private:
    awaitable<void> append(const Source& source, bool last);
    awaitable<void> copy(const Source& source, std::uint64_t offset, std::uint64_t length);
    awaitable<void> read(const Source& source, std::uint64_t offset, std::uint64_t length);
    awaitable<void> send_buffer();

    std::shared_ptr<s3::Bucket> bucket_;
    std::shared_ptr<BufferPool> buffers_;
    std::string target_;
    std::string upload_id_;
    std::vector<s3::Part> parts_;
    std::shared_ptr<std::byte[]> buffer_;
    std::size_t filled_ = 0;
    bool complete_ = false;
};

}  // namespace pkgreg
