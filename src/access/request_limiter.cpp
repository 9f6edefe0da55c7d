#include "access/request_limiter.hpp"

#include "access/client_key.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <random>
#include <span>
#include <vector>

namespace pkgreg::access {

using std::chrono::milliseconds;

/// What all requests of a limiter share. The table is cut into sets as a processor's cache is: a
/// hash says which set, and whoever it is for lies somewhere in that.
///
/// The rate is kept by the generic cell rate algorithm (ITU-T I.371): one number, the moment until
/// which all that was admitted is paid for. It may lie a second ahead.
struct LimiterState {
    static constexpr std::size_t ways = 8;
    static constexpr std::size_t sets = 8192;
    static constexpr std::size_t stripes = 64;

    struct Entry {
        std::uint64_t hash = 0;
        std::int64_t paid_until = 0;  // nanoseconds of the clock
        std::uint32_t running = 0;
    };
    struct alignas(64) Stripe {
        std::mutex mutex;
    };

    explicit LimiterState(const RequestLimits& limits)
        : at_once(static_cast<std::uint32_t>(
              std::min<std::size_t>(limits.requests_at_once, UINT32_MAX))),
          period(limits.requests_per_second == 0
                     ? 0
                     : std::max<std::int64_t>(
                           1, second / static_cast<std::int64_t>(std::min<std::size_t>(
                                           limits.requests_per_second, std::size_t{second})))),
          entries(new Entry[ways * sets]) {}

    std::mutex& mutex_of(std::size_t set) noexcept { return locks[set % stripes].mutex; }
    std::span<Entry> set_of(std::uint64_t hash) noexcept {
        return {entries.get() + hash % sets * ways, ways};
    }
    Entry* find(std::uint64_t hash) noexcept {
        for (Entry& entry : set_of(hash)) {
            if (entry.hash == hash) return &entry;
        }
        return nullptr;
    }
    Entry* find_or_make(std::uint64_t hash) noexcept;
    /// How many nanoseconds a request at `now` would come too early.
    std::int64_t early(const Entry& entry, std::int64_t now) const noexcept {
        return period == 0 ? 0 : std::max(entry.paid_until, now) + period - now - burst();
    }
    /// A second of silence earns a second's requests, and at least one.
    std::int64_t burst() const noexcept { return std::max<std::int64_t>(period, second); }

    static constexpr std::int64_t second = 1'000'000'000;

    const std::uint32_t at_once;
    const std::int64_t period;  // nanoseconds that a request costs; 0: no limit
    const std::unique_ptr<Entry[]> entries;
    std::array<Stripe, stripes> locks;
};

/// The entry of a hash; where it has none, in place of the one that has least to lose. Null: all of
/// its set are being answered.
LimiterState::Entry* LimiterState::find_or_make(std::uint64_t hash) noexcept {
    Entry* free = nullptr;
    for (Entry& entry : set_of(hash)) {
        if (entry.hash == hash) return &entry;
        if (entry.running == 0 && (free == nullptr || entry.paid_until < free->paid_until)) {
            free = &entry;
        }
    }
    if (free != nullptr) *free = Entry{hash, INT64_MIN / 2, 0};
    return free;
}

namespace {

std::int64_t nanoseconds(RequestLimiter::Clock::time_point now) noexcept {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
}

milliseconds rounded_up(std::int64_t nanoseconds) noexcept {
    return milliseconds((nanoseconds + 999'999) / 1'000'000);
}

std::uint64_t random_number() {
    std::random_device source;
    return (std::uint64_t{source()} << 32) | source();
}

/// How long transfers last cannot be told; a moment later is worth a try.
constexpr milliseconds until_one_has_ended{1000};

}  // namespace

RequestLimiter::RequestLimiter(const RequestLimits& limits)
    : state_(std::make_shared<LimiterState>(limits)), key_{random_number(), random_number()} {}

RequestLimiter::~RequestLimiter() = default;

RequestLimiter::Who RequestLimiter::who(const Identity& identity,
                                        std::string_view client) const noexcept {
    KeyedHash hash(key_);
    const char kind = static_cast<char>(identity.kind);
    hash.add({&kind, 1});
    if (identity.kind != IdentityKind::anonymous) {
        hash.add(identity.name);
    } else {
        hash.add(ClientKey(client).bytes());
    }
    return Who(std::max<std::uint64_t>(hash.value(), 1));  // 0 is an entry that nobody has
}

RequestLimiter::Admission RequestLimiter::admit(Who who, Clock::time_point time) noexcept {
    LimiterState& state = *state_;
    const std::int64_t now = nanoseconds(time);
    Admission result;
    const std::lock_guard lock(state.mutex_of(who.hash_ % LimiterState::sets));
    LimiterState::Entry* const entry = state.find_or_make(who.hash_);
    if (entry == nullptr) return result;
    if (state.at_once != 0 && entry->running >= state.at_once) {
        result.admitted = false;
        result.at_once = true;
        result.retry_after = until_one_has_ended;
        return result;
    }
    const std::int64_t early = state.early(*entry, now);
    if (early > 0) {
        result.admitted = false;
        result.retry_after = rounded_up(early);
        return result;
    }
    entry->paid_until = std::max(entry->paid_until, now) + state.period;
    if (state.at_once != 0) {
        ++entry->running;
        result.turn.state_ = state_;
        result.turn.place_ = static_cast<std::uint32_t>(entry - state.entries.get());
    }
    return result;
}

void RequestLimiter::charge(Who who, Clock::time_point time) noexcept {
    LimiterState& state = *state_;
    const std::lock_guard lock(state.mutex_of(who.hash_ % LimiterState::sets));
    LimiterState::Entry* const entry = state.find_or_make(who.hash_);
    if (entry == nullptr) return;
    entry->paid_until = std::max(entry->paid_until, nanoseconds(time)) + state.period;
}

std::optional<milliseconds> RequestLimiter::wait(Who who, Clock::time_point time) noexcept {
    LimiterState& state = *state_;
    const std::lock_guard lock(state.mutex_of(who.hash_ % LimiterState::sets));
    const LimiterState::Entry* const entry = state.find(who.hash_);
    if (entry == nullptr) return std::nullopt;
    const std::int64_t early = state.early(*entry, nanoseconds(time));
    if (early <= 0) return std::nullopt;
    return rounded_up(early);
}

void RequestLimiter::Turn::end() noexcept {
    if (!state_) return;
    // An entry with a request that runs stays where it is.
    const std::lock_guard lock(state_->mutex_of(place_ / LimiterState::ways));
    --state_->entries[place_].running;
}

}  // namespace pkgreg::access
