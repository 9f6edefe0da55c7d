#include "protocol/held_response.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace pkgreg {
namespace {

using access::RequestLimiter;

/// A body's bytes or reader, and what it holds.
struct Held {
    Held(ResponseBody of, RequestLimiter::Turn until) noexcept
        : body(std::move(of)), turn(std::move(until)) {}

    ResponseBody body;
    RequestLimiter::Turn turn;
};

class HeldReader final : public ObjectReader {
 public:
    explicit HeldReader(Held held) noexcept : held_(std::move(held)) {}

    std::uint64_t object_size() const noexcept override { return reader().object_size(); }
    std::optional<ByteInterval> interval() const noexcept override { return reader().interval(); }
    awaitable<std::size_t> read(std::span<std::byte> into) override { return reader().read(into); }
    awaitable<std::size_t> splice(int pipe, std::size_t most) override {
        return reader().splice(pipe, most);
    }
    std::optional<FileRegion> file() const noexcept override { return reader().file(); }
    std::optional<std::span<const std::byte>> memory() const noexcept override {
        return reader().memory();
    }

 private:
    ObjectReader& reader() const noexcept { return *held_.body.reader(); }

    Held held_;
};

}  // namespace

void hold_until_sent(HttpResponse& response, RequestLimiter::Turn turn) {
    if (!turn) return;
    Held held(std::move(response.body()), std::move(turn));
    if (held.body.reader() != nullptr) {
        response.set_body(ResponseBody(std::make_unique<HeldReader>(std::move(held))));
        return;
    }
    const auto owner = std::make_shared<Held>(std::move(held));
    // A body of bytes keeps whatever owns them, whose text nobody reads.
    static const std::string no_text;
    const std::shared_ptr<const std::string> keeps(owner, &no_text);
    response.set_body(ResponseBody(keeps, owner->body.bytes()));
}

}  // namespace pkgreg
