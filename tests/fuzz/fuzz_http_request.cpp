// Reads bytes as requests: the first byte says in what pieces they come. However they come, the
// head must be the same, and a chunked body too; so the pieces are compared with the whole.
#include "server/chunked_decoder.hpp"
#include "server/request_parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace {

using pkgreg::RequestHead;
using pkgreg::RequestParser;
using Result = RequestParser::Result;

void require(bool condition) {
    if (!condition) std::abort();
}

struct Parsed {
    explicit Parsed(std::string input) : bytes(std::move(input)), parser(8192, 50) {}

    Result run(std::size_t step) {
        std::size_t come = 0;
        Result result = Result::incomplete;
        while (result == Result::incomplete && come < bytes.size()) {
            come = std::min(come + step, bytes.size());
            result = parser.parse(std::span(bytes).first(come));
        }
        return result;
    }

    std::string bytes;
    RequestParser parser;
};

void check_head(const Parsed& parsed) {
    const RequestHead& head = parsed.parser.head();
    require(!head.method_name.empty() && !head.target.empty());
    require(parsed.parser.size() <= parsed.bytes.size());
    for (const auto& [name, value] : head.fields) {
        require(!name.empty());
        require(value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
    }
}

void compare_heads(const std::string& input, std::size_t step) {
    Parsed whole(input);
    Parsed pieces(input);
    const Result result = whole.run(input.size());
    const Result result_of_pieces = pieces.run(step);
    if (result == Result::complete) check_head(whole);
    // Bytes that are not there yet may be refused earlier, and for their length only.
    if (result != result_of_pieces) {
        require(result != Result::complete && result_of_pieces != Result::complete);
        return;
    }
    if (result == Result::refused) return;
    const RequestHead& a = whole.parser.head();
    const RequestHead& b = pieces.parser.head();
    require(a.method_name == b.method_name && a.target == b.target);
    require(a.framing == b.framing && a.content_length == b.content_length);
    require(a.keep_alive == b.keep_alive && a.fields.size() == b.fields.size());
}

struct Body {
    std::string content;
    std::size_t consumed = 0;
    bool finished = false;
    bool broken = false;
};

Body decode(std::string bytes, std::size_t step) {
    pkgreg::ChunkedDecoder decoder;
    Body body;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const auto piece = std::span(bytes).subspan(at, std::min(step, bytes.size() - at));
        const auto in = std::as_writable_bytes(piece);
        const auto taken = decoder.decode(in, in);
        require(taken.produced <= taken.consumed && taken.consumed <= piece.size());
        body.content.append(piece.data(), taken.produced);
        body.consumed += taken.consumed;
    }
    body.finished = decoder.finished();
    body.broken = decoder.broken();
    return body;
}

void compare_bodies(const std::string& input, std::size_t step) {
    const Body whole = decode(input, input.size());
    const Body pieces = decode(input, step);
    require(whole.content == pieces.content && whole.consumed == pieces.consumed);
    require(whole.finished == pieces.finished && whole.broken == pieces.broken);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t step = data[0] % 64 + std::size_t{1};
    const std::string input(reinterpret_cast<const char*>(data + 1), size - 1);
    compare_heads(input, step);
    compare_bodies(input, step);
    return 0;
}
