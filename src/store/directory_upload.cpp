#include "store/directory_upload.hpp"

#include "store/directory_files.hpp"
#include "store/directory_reader.hpp"

#include <cstring>
#include <utility>

namespace pkgreg {

DirectoryUpload::DirectoryUpload(std::shared_ptr<DirectoryContext> context,
                                 std::shared_ptr<WorkPool> pool, std::optional<ObjectKey> key)
    : context_(std::move(context)),
      pool_(std::move(pool)),
      key_(std::move(key)),
      file_(std::make_shared<TemporaryFile>(context_)),
      writes_(*pool_) {}

DirectoryUpload::~DirectoryUpload() {
    if (!file_ || context_->in_forked_process()) return;
    // Behind the queued writes are dropped, the one that runs has a share of the file.
    pool_->post([file = std::move(file_)] {});
}

awaitable<void> DirectoryUpload::append(std::span<const std::byte> bytes,
                                        std::shared_ptr<const void> owner) {
    context_->check_process();
    if (failed_) std::rethrow_exception(failed_);
    writes_.throw_if_failed();
    if (bytes.empty()) co_return;
    // While nothing is queued, the file is this coroutine's alone.
    const bool quick = bytes.size() <= max_inline || context_->in_memory();
    if (quick && *unfinished_ == 0 && file_->is_open()) {
        write_inline(bytes);
        co_return;
    }
    const bool wait = !owner && bytes.size() > max_inline;
    if (!owner && !wait) {
        const std::shared_ptr<std::byte[]> copy(new std::byte[bytes.size()]);
        std::memcpy(copy.get(), bytes.data(), bytes.size());
        bytes = std::span(copy.get(), bytes.size());
        owner = copy;
    }
    queue(bytes, std::move(owner));
    if (wait) {
        co_await writes_.drain();
    } else {
        co_await writes_.throttle(most_queued, few_queued);
    }
}

void DirectoryUpload::queue(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
    size_ += bytes.size();
    ++*unfinished_;
    writes_.add([file = file_, unfinished = unfinished_, bytes, owner = std::move(owner)] {
        file->write(bytes);
        --*unfinished;
    });
}

void DirectoryUpload::write_inline(std::span<const std::byte> bytes) {
    try {
        file_->write(bytes);
    } catch (...) {
        failed_ = std::current_exception();  // a part may be written: nothing can follow it
        throw;
    }
    size_ += bytes.size();
}

awaitable<void> DirectoryUpload::flush() {
    context_->check_process();
    if (failed_) std::rethrow_exception(failed_);
    co_await writes_.drain();
    file_->close();
}

awaitable<std::unique_ptr<ObjectReader>> DirectoryUpload::read_back() {
    co_await flush();
    auto work = [this] {
        file_->open();  // it is not there before the first write
        file_->close();
        return open_file(context_->root(), file_->path(), Blocking::allowed);
    };
    OpenedFile opened = co_await offload(*pool_, work);
    if (!opened.fd) {
        throw Error(ErrorCode::io, "the unfinished file " + context_->full_path(file_->path()) +
                                       " was removed by someone else; begin the upload again");
    }
    co_return std::make_unique<DirectoryReader>(context_, pool_, file_->path(), std::move(opened),
                                                ByteRange());
}

awaitable<std::shared_ptr<TemporaryFile>> DirectoryUpload::take() {
    context_->check_process();
    if (failed_) std::rethrow_exception(failed_);
    co_await writes_.drain();
    co_return std::move(file_);
}

}  // namespace pkgreg
