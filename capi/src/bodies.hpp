// Bodies that a C caller gives: bytes from a function or from an open file, read on the thread of
// the call, straight into the buffers that they are hashed and written from.
#pragma once

#include "pkgreg/http.hpp"

#include "callbacks.hpp"
#include "pkgreg.h"

#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>

namespace pkgreg::capi {

/// A body that never makes its reader wait on another thread. `fill` gives its bytes.
class CallerBody : public BodySource {
 public:
    /// @param length   in bytes; UINT64_MAX: not known before the end
    /// @param progress is told of each piece; may be null
    explicit CallerBody(std::uint64_t length, Progress* progress = nullptr) noexcept
        : length_(length), progress_(progress) {}

    std::optional<std::uint64_t> length() const noexcept override;
    bool ready() override { return true; }
    awaitable<void> wait() override { co_return; }
    awaitable<std::size_t> read(std::span<std::byte> into) override;

 protected:
    /// At most `into.size()` bytes, which is not 0; 0 at the end. May throw.
    virtual std::size_t fill(std::span<std::byte> into) = 0;

 private:
    std::size_t read_some(std::span<std::byte> into);

    const std::uint64_t length_;
    Progress* const progress_;
    std::uint64_t done_ = 0;
    bool ended_ = false;
    std::exception_ptr failure_;
};

/// What a pkgreg_read_fn gives.
class FunctionBody final : public CallerBody {
 public:
    FunctionBody(pkgreg_read_fn function, void* user, std::uint64_t length,
                 Progress* progress = nullptr) noexcept
        : CallerBody(length, progress), function_(function), user_(user) {}

    /// Throws `cancelled` when the function gave up: for who answers errors instead of throwing
    /// them.
    void throw_if_cancelled() const;

 private:
    std::size_t fill(std::span<std::byte> into) override;

    const pkgreg_read_fn function_;
    void* const user_;
    std::int32_t answer_ = PKGREG_OK;
};

/// A part of an open file; neither the descriptor nor its position is changed.
class FileBody final : public CallerBody {
 public:
    /// Throws `invalid_argument` for what cannot be read at an offset.
    FileBody(int fd, std::uint64_t offset, std::uint64_t length, Progress* progress = nullptr);

 private:
    std::size_t fill(std::span<std::byte> into) override;

    const int fd_;
    std::uint64_t offset_;
};

}  // namespace pkgreg::capi
