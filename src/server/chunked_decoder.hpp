// The chunked transfer coding (RFC 9112, section 7.1), taken off as the bytes come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pkgreg {

/// Strict: CRLF only, plain hexadecimal sizes. Chunk extensions and trailer fields are skipped, and
/// bounded over the whole body, so that a body cannot consist of them.
class ChunkedDecoder {
 public:
    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
    };

    /// Moves content from `in` to `out` until one is used up, the body ends, or the coding turns
    /// out to be broken. `out` may begin where `in` begins: what is written never overtakes what is
    /// read.
    Step decode(std::span<const std::byte> in, std::span<std::byte> out) noexcept;

    /// The last chunk and the trailer have been read.
    bool finished() const noexcept { return state_ == State::finished; }
    /// The bytes break the grammar; nothing more can be read.
    bool broken() const noexcept { return state_ == State::broken; }

 private:
    enum class State : std::uint8_t {
        size_start,
        size,
        extension,
        size_end,
        data,
        data_return,
        data_feed,
        trailer_start,
        trailer,
        trailer_feed,
        last_feed,
        finished,
        broken
    };
    State read_framing(unsigned char c) noexcept;
    State read_size(unsigned char c) noexcept;
    State skip(unsigned char c, State stay, State at_return) noexcept;

    State state_ = State::size_start;
    std::uint8_t digits_ = 0;
    std::uint32_t skipped_ = 0;
    std::uint64_t left_ = 0;
};

}  // namespace pkgreg
