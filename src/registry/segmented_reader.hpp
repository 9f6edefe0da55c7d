// SegmentedReader: reads a blob whose content lies in several objects as if it were one. While one
// segment is read, the next one is opened already, so that its first byte is not waited for.
#pragma once

#include "pkgreg/object_store.hpp"

#include "registry/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace pkgreg {

class SegmentedReader final : public ObjectReader {
 public:
    SegmentedReader(std::shared_ptr<ObjectStore> store, std::vector<layout::Segment> segments,
                    ByteRange range);

    std::uint64_t object_size() const noexcept override { return size_; }
    std::optional<ByteInterval> interval() const noexcept override { return interval_; }
    awaitable<std::size_t> read(std::span<std::byte> into) override;
    awaitable<std::size_t> splice(int pipe, std::size_t most) override;

 private:
    /// A segment that is being opened beside the reading.
    class Opening;

    static awaitable<void> open_beside(std::shared_ptr<Opening> opening,
                                       std::shared_ptr<ObjectStore> store, ObjectKey key,
                                       ByteRange range);
    /// What is to be read of a segment that begins at `offset` of the blob.
    ByteRange part_of(const layout::Segment& segment, std::uint64_t offset) const;
    /// Opens what has to be open before the next bytes are read.
    awaitable<void> prepare();
    /// Counts bytes that were read.
    void count(std::size_t n);
    awaitable<void> open_current();
    awaitable<void> open_next();

    std::shared_ptr<ObjectStore> store_;
    std::vector<layout::Segment> segments_;
    std::uint64_t size_ = 0;
    std::optional<ByteInterval> interval_;

    std::uint64_t left_ = 0;       // of the interval
    std::size_t index_ = 0;        // of the segment that is read
    std::uint64_t offset_ = 0;     // where that one begins
    std::uint64_t part_left_ = 0;  // to be read of it
    std::unique_ptr<ObjectReader> reader_;
    std::shared_ptr<Opening> next_;
};

}  // namespace pkgreg
