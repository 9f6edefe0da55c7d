// Responses that hold a request's turn: until when, and that they stay what they were.
#include "protocol/held_response.hpp"

#include "pkgreg/blocking.hpp"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <utility>

namespace pkgreg {
namespace {

using access::RequestLimiter;

class TextReader final : public ObjectReader {
 public:
    std::uint64_t object_size() const noexcept override { return 100; }
    std::optional<ByteInterval> interval() const noexcept override { return ByteInterval{10, 4}; }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        std::copy_n(reinterpret_cast<const std::byte*>("text"), 4, into.begin());
        co_return 4;
    }
    awaitable<std::size_t> splice(int pipe, std::size_t most) override {
        co_return static_cast<std::size_t>(pipe) + most;
    }
    std::optional<FileRegion> file() const noexcept override { return FileRegion{7, 10, 4}; }
    std::optional<std::span<const std::byte>> memory() const noexcept override {
        return std::as_bytes(std::span("text", 4));
    }
};

struct HeldResponse : testing::Test {
    /// Whether nobody has a turn.
    bool is_free() { return limiter.admit(who).admitted; }
    HttpResponse held(ResponseBody body) {
        HttpResponse response;
        response.header("X", "y").set_body(std::move(body));
        auto admission = limiter.admit(who);
        EXPECT_TRUE(admission.turn);
        hold_until_sent(response, std::move(admission.turn));
        return response;
    }

    RequestLimiter limiter{RequestLimits{0, 1}};
    RequestLimiter::Who who = limiter.who(Identity{IdentityKind::basic, "alice"}, "");
};

TEST_F(HeldResponse, OfBytesHoldsUntilItIsDestroyed) {
    const auto shared = std::make_shared<const std::string>("0123456789");
    {
        HttpResponse first = held(ResponseBody(shared, std::string_view(*shared).substr(2, 3)));
        const HttpResponse response = std::move(first);
        EXPECT_EQ(response.body().bytes(), "234");
        EXPECT_EQ(response.content_length(), 3u);
        EXPECT_EQ(response.find("X"), "y");
        EXPECT_FALSE(is_free());
    }
    EXPECT_TRUE(is_free());
    EXPECT_EQ(shared.use_count(), 1);
}

TEST_F(HeldResponse, WithoutABodyHoldsToo) {
    {
        const HttpResponse response = held(ResponseBody());
        EXPECT_EQ(response.content_length(), 0u);
        EXPECT_EQ(response.body().reader(), nullptr);
        EXPECT_FALSE(is_free());
    }
    EXPECT_TRUE(is_free());
}

TEST_F(HeldResponse, OfAReaderGivesAllThatTheReaderGives) {
    {
        HttpResponse response = held(ResponseBody(std::make_unique<TextReader>()));
        ObjectReader& reader = *response.body().reader();
        EXPECT_EQ(response.content_length(), 4u);
        EXPECT_EQ(reader.object_size(), 100u);
        EXPECT_EQ(reader.interval()->offset, 10u);
        EXPECT_EQ(reader.file()->fd, 7);
        EXPECT_EQ(reader.memory()->size(), 4u);
        std::array<std::byte, 8> bytes{};
        EXPECT_EQ(run_blocking(reader.read(bytes)), 4u);
        EXPECT_EQ(static_cast<char>(bytes[0]), 't');
        EXPECT_EQ(run_blocking(reader.splice(30, 4)), 34u);
        EXPECT_FALSE(is_free());
    }
    EXPECT_TRUE(is_free());
}

TEST_F(HeldResponse, HoldsNothingWhereNothingIsCounted) {
    HttpResponse response;
    response.set_body(ResponseBody(std::make_unique<TextReader>()));
    const ObjectReader* const before = response.body().reader();
    hold_until_sent(response, RequestLimiter::Turn());
    EXPECT_EQ(response.body().reader(), before);
}

}  // namespace
}  // namespace pkgreg
