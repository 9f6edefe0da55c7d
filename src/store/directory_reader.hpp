// DirectoryReader: reads an object from an open file.
#pragma once

#include "pkgreg/object_store.hpp"
#include "pkgreg/work_pool.hpp"

#include "store/directory_context.hpp"
#include "store/directory_files.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace pkgreg {

/// What is in the page cache is read on the caller's thread, the rest on the pool.
class DirectoryReader final : public ObjectReader {
 public:
    DirectoryReader(std::shared_ptr<DirectoryContext> context, std::shared_ptr<WorkPool> pool,
                    std::string key, OpenedFile file, ByteRange range);

    std::uint64_t object_size() const noexcept override { return size_; }
    std::optional<ByteInterval> interval() const noexcept override { return interval_; }
    awaitable<std::size_t> read(std::span<std::byte> into) override;
    std::optional<FileRegion> file() const noexcept override;

 private:
    const std::shared_ptr<DirectoryContext> context_;
    const std::shared_ptr<WorkPool> pool_;
    const std::string key_;
    const UniqueFd fd_;
    const std::uint64_t size_;
    const std::optional<ByteInterval> interval_;
    std::uint64_t position_;
    std::uint64_t end_;
};

}  // namespace pkgreg
