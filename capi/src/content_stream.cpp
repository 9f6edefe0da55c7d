#include "content_stream.hpp"

#include "pkgreg/blocking.hpp"

namespace pkgreg::capi {

std::size_t ContentStream::read(std::span<std::byte> into) {
    return run_blocking(body_.reader()->read(into));
}

}  // namespace pkgreg::capi
