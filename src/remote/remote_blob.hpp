// RemoteBlob: a blob of another registry as the body of an upload into this one.
#pragma once

#include "pkgreg/descriptor.hpp"
#include "pkgreg/http.hpp"

#include "remote/copy_watch.hpp"
#include "remote/remote_registry.hpp"
#include "remote/tries.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace pkgreg {

/// Fetched while it is read, on the reader's thread, which blocks. Where it breaks off it goes on
/// from there. Throws `blob_unknown`, `size_invalid` where the registry has more bytes than the
/// descriptor says, and what `RemoteRegistry` throws.
class RemoteBlob final : public BodySource {
 public:
    RemoteBlob(RemoteRegistry& registry, const Descriptor& descriptor, CopyWatch& watch);
    ~RemoteBlob() override;
    RemoteBlob(const RemoteBlob&) = delete;
    RemoteBlob& operator=(const RemoteBlob&) = delete;

    std::optional<std::uint64_t> length() const noexcept override { return descriptor_.size; }
    bool ready() override { return open_ && registry_.transfer().ready(); }
    awaitable<void> wait() override;
    awaitable<std::size_t> read(std::span<std::byte> into) override;

 private:
    std::size_t next(std::span<std::byte> into);
    void open();
    void skip(std::uint64_t size);
    template <class Action>
    auto persistently(const Action& action);

    RemoteRegistry& registry_;
    const Descriptor& descriptor_;
    CopyWatch& watch_;
    Tries tries_;
    bool open_ = false;
    std::uint64_t done_ = 0;
    /// Where the last try began.
    std::uint64_t begun_ = 0;
};

}  // namespace pkgreg
