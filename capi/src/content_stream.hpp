// ContentStream: an open object that a handle reads from front to back, and that closing takes
// away.
#pragma once

#include "pkgreg/http.hpp"

#include "children.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace pkgreg::capi {

class ContentStream final : public Child {
 public:
    /// @param body has a reader
    explicit ContentStream(ResponseBody body) noexcept : body_(std::move(body)) {}

    /// The next bytes, 0 at the end. One call at a time, inside a `Call`.
    std::size_t read(std::span<std::byte> into);
    void release() noexcept override { body_ = ResponseBody(); }

 private:
    ResponseBody body_;
};

}  // namespace pkgreg::capi
