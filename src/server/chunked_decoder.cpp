#include "server/chunked_decoder.hpp"

#include "base/hex_digit.hpp"

#include <algorithm>
#include <cstring>

namespace pkgreg {
namespace {

constexpr std::uint32_t max_skipped = 16u << 10;
constexpr std::uint8_t max_digits = 16;

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::decode(std::span<const std::byte> in,
                                            std::span<std::byte> out) noexcept {
    Step step;
    while (step.consumed < in.size() && !finished() && !broken()) {
        if (state_ != State::data) {
            state_ = read_framing(static_cast<unsigned char>(in[step.consumed++]));
            continue;
        }
        const std::uint64_t n = std::min<std::uint64_t>(
            left_, std::min(in.size() - step.consumed, out.size() - step.produced));
        if (n == 0) break;
        std::memmove(out.data() + step.produced, in.data() + step.consumed, n);
        step.consumed += n;
        step.produced += n;
        left_ -= n;
        if (left_ == 0) state_ = State::data_return;
    }
    return step;
}

ChunkedDecoder::State ChunkedDecoder::read_framing(unsigned char c) noexcept {
    const auto expect = [c](unsigned char wanted, State next) {
        return c == wanted ? next : State::broken;
    };
    switch (state_) {
        case State::size_start:
            digits_ = 0;
            left_ = 0;
            return hex_digit(static_cast<char>(c)) >= 0 ? read_size(c) : State::broken;
        case State::size: return read_size(c);
        case State::extension: return skip(c, State::extension, State::size_end);
        case State::size_end: return expect('\n', left_ == 0 ? State::trailer_start : State::data);
        case State::data_return: return expect('\r', State::data_feed);
        case State::data_feed: return expect('\n', State::size_start);
        case State::trailer_start:
            return c == '\r' ? State::last_feed : skip(c, State::trailer, State::broken);
        case State::trailer: return skip(c, State::trailer, State::trailer_feed);
        case State::trailer_feed: return expect('\n', State::trailer_start);
        case State::last_feed: return expect('\n', State::finished);
        case State::data:
        case State::finished:
        case State::broken: break;
    }
    return State::broken;
}

ChunkedDecoder::State ChunkedDecoder::read_size(unsigned char c) noexcept {
    if (c == '\r') return State::size_end;
    if (c == ';') return State::extension;
    const int digit = hex_digit(static_cast<char>(c));
    // Sixteen digits fill 64 bits; leading zeros count, so a size cannot be padded for ever.
    if (digit < 0 || digits_ == max_digits) return State::broken;
    ++digits_;
    left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
    return State::size;
}

ChunkedDecoder::State ChunkedDecoder::skip(unsigned char c, State stay, State at_return) noexcept {
    if (c == '\r') return at_return;
    if (++skipped_ > max_skipped || (c < 0x20 && c != '\t') || c == 0x7f) return State::broken;
    return stay;
}

}  // namespace pkgreg
