#include "server/chunked_decoder.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg {
namespace {

/// Decodes in place, the bytes coming in two pieces.
struct Decoded {
    std::string content;
    std::size_t consumed = 0;
    bool finished = false;
    bool broken = false;
};

Decoded decode(std::string bytes, std::size_t split) {
    ChunkedDecoder decoder;
    Decoded result;
    for (auto piece : {std::span(bytes).first(split), std::span(bytes).subspan(split)}) {
        const auto in = std::as_writable_bytes(piece);
        const auto step = decoder.decode(in, in);
        result.content.append(piece.data(), step.produced);
        result.consumed += step.consumed;
    }
    result.finished = decoder.finished();
    result.broken = decoder.broken();
    return result;
}

bool is_broken(const std::string& bytes) {
    return decode(bytes, 0).broken;
}

TEST(ChunkedDecoder, GivesTheSameContentHoweverTheBytesComeInPieces) {
    const std::string bytes =
        "5\r\nhello\r\n0006;name=\"v\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET /";
    for (std::size_t split = 0; split <= bytes.size(); ++split) {
        const Decoded decoded = decode(bytes, split);
        EXPECT_EQ(decoded.content, "hello world") << split;
        EXPECT_TRUE(decoded.finished);
        EXPECT_EQ(decoded.consumed, bytes.size() - 5);
    }
}

TEST(ChunkedDecoder, FillsSmallMemoryPieceByPiece) {
    const std::string bytes = "b\r\nhello world\r\n0\r\n\r\n";
    ChunkedDecoder decoder;
    std::string content;
    std::size_t at = 0;
    while (!decoder.finished()) {
        std::array<std::byte, 3> out;
        const auto step = decoder.decode(std::as_bytes(std::span(bytes).subspan(at)), out);
        ASSERT_GT(step.consumed, 0u);
        at += step.consumed;
        content.append(reinterpret_cast<const char*>(out.data()), step.produced);
    }
    EXPECT_EQ(content, "hello world");
    EXPECT_EQ(at, bytes.size());
}

TEST(ChunkedDecoder, RefusesEverythingThatIsNotTheGrammar) {
    EXPECT_TRUE(is_broken("\r\n"));
    EXPECT_TRUE(is_broken("g\r\n"));
    EXPECT_TRUE(is_broken("-1\r\n"));
    EXPECT_TRUE(is_broken("0x5\r\n"));
    EXPECT_TRUE(is_broken(" 5\r\n"));
    EXPECT_TRUE(is_broken("5 \r\n"));
    EXPECT_TRUE(is_broken("5\n"));
    EXPECT_TRUE(is_broken("5\r\r"));
    EXPECT_TRUE(is_broken("5\r\nhelloX"));
    EXPECT_TRUE(is_broken("5\r\nhello\n"));
    EXPECT_TRUE(is_broken("5;a\nb\r\n"));
    EXPECT_TRUE(is_broken("0\r\n\n"));
    EXPECT_TRUE(is_broken("0\r\nA: b\n"));
    EXPECT_TRUE(is_broken("0\r\n\r\r"));
}

TEST(ChunkedDecoder, TakesSizesUpTo64BitsAndNoLongerOnes) {
    EXPECT_FALSE(is_broken("ffffffffffffffff\r\nabc"));
    EXPECT_TRUE(is_broken("10000000000000000\r\nabc"));
    EXPECT_TRUE(is_broken("00000000000000005\r\nhello"));
}

TEST(ChunkedDecoder, BoundsExtensionsAndTrailersOfAWholeBody) {
    std::string extensions;
    for (int i = 0; i < 20; ++i) extensions += "1;" + std::string(1000, 'a') + "\r\nx\r\n";
    EXPECT_TRUE(is_broken(extensions));
    std::string trailers = "0\r\n";
    for (int i = 0; i < 20; ++i) trailers += "A: " + std::string(1000, 'a') + "\r\n";
    EXPECT_TRUE(is_broken(trailers));
}

}  // namespace
}  // namespace pkgreg
