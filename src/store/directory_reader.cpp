#include "store/directory_reader.hpp"

#include "base/suspend.hpp"

#include <algorithm>
#include <utility>

namespace pkgreg {

DirectoryReader::DirectoryReader(std::shared_ptr<DirectoryContext> context,
                                 std::shared_ptr<WorkPool> pool, std::string key, OpenedFile file,
                                 ByteRange range)
    : context_(std::move(context)),
      pool_(std::move(pool)),
      key_(std::move(key)),
      fd_(std::move(file.fd)),
      size_(file.info.size),
      interval_(range.resolve(size_)),
      position_(interval_ ? interval_->offset : 0),
      end_(interval_ ? interval_->end() : 0) {}

awaitable<std::size_t> DirectoryReader::read(std::span<std::byte> into) {
    const std::uint64_t rest = end_ - position_;
    into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), rest)));
    if (into.empty()) co_return 0;
    auto n = read_cached(fd_.get(), into, position_);
    if (!n) {
        context_->check_process();
        auto work = [this, into] { return read_some(fd_.get(), into, position_); };
        n = co_await offload(*pool_, work);
    }
    if (*n == 0) {
        throw Error(ErrorCode::corrupt, "the file " + context_->full_path(key_) +
                                            " became shorter while it was read; objects must not "
                                            "be changed in place");
    }
    position_ += *n;
    co_return *n;
}

std::optional<FileRegion> DirectoryReader::file() const noexcept {
    return FileRegion{fd_.get(), position_, end_ - position_};
}

}  // namespace pkgreg
