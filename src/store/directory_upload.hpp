// DirectoryUpload: an object that grows in a temporary file, its writes beside the caller's work.
#pragma once

#include "pkgreg/object_key.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/work_pool.hpp"

#include "base/suspend.hpp"
#include "store/temporary_file.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>

namespace pkgreg {

class DirectoryUpload final : public ObjectUpload {
 public:
    DirectoryUpload(std::shared_ptr<DirectoryContext> context, std::shared_ptr<WorkPool> pool,
                    std::optional<ObjectKey> key);
    /// Hands the file to the pool to be removed; a write that runs ends first.
    ~DirectoryUpload() override;

    awaitable<void> append(std::span<const std::byte> bytes,
                           std::shared_ptr<const void> owner) override;
    awaitable<void> flush() override;
    awaitable<std::unique_ptr<ObjectReader>> read_back() override;
    std::uint64_t size() const noexcept override { return size_; }

    const std::optional<ObjectKey>& key() const noexcept { return key_; }
    const DirectoryContext* context() const noexcept { return context_.get(); }
    /// Waits for all writes, and gives the file away; the upload is spent.
    awaitable<std::shared_ptr<TemporaryFile>> take();

 private:
    // Writes of this size go into the page cache in less time than a hop to the pool takes.
    static constexpr std::size_t max_inline = std::size_t{64} << 10;
    // Buffers on their way to the file: when there are many, the upload waits until few are left, so
    // that memory stays bounded and neither side wakes the other for each buffer.
    static constexpr std::size_t most_queued = 6;
    static constexpr std::size_t few_queued = 2;

    void queue(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
    void write_inline(std::span<const std::byte> bytes);

    const std::shared_ptr<DirectoryContext> context_;
    const std::shared_ptr<WorkPool> pool_;
    const std::optional<ObjectKey> key_;
    // Shared with the queued writes: the last one to let go removes it.
    std::shared_ptr<TemporaryFile> file_;
    WorkChain writes_;
    // How many queued writes have not ended; what an error drops counts for ever.
    const std::shared_ptr<std::atomic<std::size_t>> unfinished_ =
        std::make_shared<std::atomic<std::size_t>>(0);
    std::exception_ptr failed_;
    std::uint64_t size_ = 0;
};

}  // namespace pkgreg
