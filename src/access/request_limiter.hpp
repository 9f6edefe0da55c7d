// RequestLimiter: how often, and how many at once, one identity or one address may ask. Nobody gets
// more by asking on more connections, and nobody less by what strangers do.
#pragma once

#include "pkgreg/access.hpp"

#include "base/keyed_hash.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace pkgreg::access {

struct LimiterState;

/// Any thread may call every member; none of them waits or allocates.
///
/// What is known of the 65,536 that asked last is kept, in 1.5 MiB of memory. Who is not among them
/// begins anew. Who is being answered is always among them, unless more than that many are answered
/// at once: then who comes on top is not counted.
class RequestLimiter {
 public:
    using Clock = std::chrono::steady_clock;

    explicit RequestLimiter(const RequestLimits& limits);
    ~RequestLimiter();
    RequestLimiter(const RequestLimiter&) = delete;
    RequestLimiter& operator=(const RequestLimiter&) = delete;

    /// Whom a request counts for.
    class Who {
        friend class RequestLimiter;
        explicit Who(std::uint64_t hash) noexcept : hash_(hash) {}
        std::uint64_t hash_;
    };
    /// The identity; where nobody proved who he is the address: of IPv6 the network of 64 bits,
    /// since that is what one customer has, and one for all unix sockets.
    /// @param client as in `HttpRequest::client`: an address, with or without its port, or any text
    Who who(const Identity& identity, std::string_view client) const noexcept;

    /// A request that is being answered, from its admission to the end of this.
    class Turn {
     public:
        Turn() noexcept = default;
        Turn(Turn&& other) noexcept = default;
        Turn& operator=(Turn&& other) noexcept {
            std::swap(state_, other.state_);
            std::swap(place_, other.place_);
            return *this;
        }
        ~Turn() { end(); }

        /// Whether anything is counted.
        explicit operator bool() const noexcept { return state_ != nullptr; }

     private:
        friend class RequestLimiter;
        void end() noexcept;

        std::shared_ptr<LimiterState> state_;  // what is answered may outlive the limiter
        std::uint32_t place_ = 0;
    };

    /// What became of a request.
    struct Admission {
        bool admitted = true;
        /// To be kept until the answer has been sent.
        Turn turn = {};
        /// Not admitted: too many at once, else too many in a short time.
        bool at_once = false;
        /// When it is worth another try.
        std::chrono::milliseconds retry_after{0};
    };
    /// Counts a request. One that is not admitted costs nothing, so who waits as he is told is
    /// served again.
    Admission admit(Who who, Clock::time_point now = Clock::now()) noexcept;

    /// Counts one more for a request that was admitted and turns out to be as much work as several.
    /// It is not stopped; who has it made waits longer for the next one.
    void charge(Who who, Clock::time_point now = Clock::now()) noexcept;

    /// How long nothing would be admitted for want of time; nothing is counted. Before work that a
    /// stranger could ask for again and again, such as looking at a password.
    std::optional<std::chrono::milliseconds> wait(Who who,
                                                  Clock::time_point now = Clock::now()) noexcept;

 private:
    std::shared_ptr<LimiterState> state_;
    KeyedHash::Key key_;
};

}  // namespace pkgreg::access
