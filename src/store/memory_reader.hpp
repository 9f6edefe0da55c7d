// MemoryReader: reads an object that lies in memory as a whole.
#pragma once

#include "pkgreg/object_store.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace pkgreg {

class MemoryReader final : public ObjectReader {
 public:
    MemoryReader(std::shared_ptr<const std::string> bytes, ByteRange range)
        : bytes_(std::move(bytes)), interval_(range.resolve(bytes_->size())) {
        if (interval_)
            rest_ = std::as_bytes(std::span(*bytes_)).subspan(interval_->offset, interval_->length);
    }

    std::uint64_t object_size() const noexcept override { return bytes_->size(); }
    std::optional<ByteInterval> interval() const noexcept override { return interval_; }

    awaitable<std::size_t> read(std::span<std::byte> into) override {
        const std::size_t n = std::min(into.size(), rest_.size());
        if (n > 0) std::memcpy(into.data(), rest_.data(), n);
        rest_ = rest_.subspan(n);
        co_return n;
    }

    std::optional<std::span<const std::byte>> memory() const noexcept override { return rest_; }

 private:
    std::shared_ptr<const std::string> bytes_;
    std::optional<ByteInterval> interval_;
    std::span<const std::byte> rest_;
};

}  // namespace pkgreg
