// TemporaryFile: a file in `.tmp/` that becomes an object by being put in place, or goes away with
// its owner.
#pragma once

#include "base/random_id.hpp"
#include "store/directory_context.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace pkgreg {

/// The directory of the store's unfinished files, emptied whenever a writer opens the store.
inline const std::string temporary_directory = ".tmp";

/// Not safe to use from two threads at once. Any member may block.
class TemporaryFile {
 public:
    explicit TemporaryFile(std::shared_ptr<DirectoryContext> context)
        : context_(std::move(context)), path_(temporary_directory + "/" + random_id()) {}

    ~TemporaryFile() {
        if (context_->in_forked_process()) return;
        close();
        if (!exists_) return;
        try {
            context_->files().unlink(context_->root(), path_);
        } catch (const Error&) {
            // It is removed when the store is opened next.
        }
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    /// Opens the file, creating it the first time; open files stay open.
    void open() {
        if (fd_ >= 0) return;
        context_->check_process();
        fd_ = exists_ ? context_->files().reopen(context_->root(), path_)
                      : context_->files().create(context_->root(), path_);
        if (fd_ < 0) {
            throw Error(ErrorCode::io, "the unfinished file " + context_->full_path(path_) +
                                           " was removed by someone else; begin the upload again");
        }
        exists_ = true;
    }
    bool is_open() const noexcept { return fd_ >= 0; }

    void write(std::span<const std::byte> bytes) {
        open();
        context_->files().write(fd_, bytes, size_);
        size_ += bytes.size();
        // Hands pages to the disk as they come, so that the sync at the end has little left to do.
        constexpr std::uint64_t writeback_step = std::uint64_t{8} << 20;
        if (size_ - writeback_ >= writeback_step) {
            context_->files().start_writeback(fd_, writeback_, size_ - writeback_);
            writeback_ = size_;
        }
    }

    /// Stamps the file with a time of its own and makes it durable.
    void sync() {
        open();
        context_->files().set_modified(fd_, context_->next_time());
        context_->files().sync_file(fd_);
    }

    void close() noexcept {
        if (fd_ >= 0) context_->files().close(std::exchange(fd_, -1));
    }

    int fd() const noexcept { return fd_; }
    const std::string& path() const noexcept { return path_; }
    /// The file is in place under another name, and no longer here.
    void moved() noexcept { exists_ = false; }

 private:
    const std::shared_ptr<DirectoryContext> context_;
    const std::string path_;
    int fd_ = -1;
    bool exists_ = false;
    std::uint64_t size_ = 0;
    std::uint64_t writeback_ = 0;
};

}  // namespace pkgreg
