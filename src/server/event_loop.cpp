#include "server/event_loop.hpp"

#include "base/threads.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

namespace pkgreg {
namespace {

constexpr std::size_t spare_blocks = 64;

/// Fine enough for the shortest limit, and no finer than that needs.
std::chrono::milliseconds sweep_interval(const ServerOptions& options) {
    std::chrono::milliseconds interval(1000);
    for (const auto limit : {options.header_timeout, options.stall_timeout, options.idle_timeout}) {
        if (limit.count() != 0) interval = std::min(interval, limit / 4);
    }
    return std::max(interval, std::chrono::milliseconds(10));
}

awaitable<bool> wait(boost::asio::steady_timer& timer) {
    const auto [error] =
        co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    co_return !error;
}

}  // namespace

EventLoop::EventLoop(const ServerOptions& options)
    : options_(options),
      sweep_interval_(sweep_interval(options)),
      context_(1),
      work_(context_.get_executor()),
      sweep_timer_(context_),
      tick_timer_(context_) {
    blocks_.reserve(spare_blocks);
}

void EventLoop::start() {
    boost::asio::co_spawn(context_, sweep(), boost::asio::detached);
    thread_ = start_thread([this] { context_.run(); });
}

void EventLoop::stop() {
    boost::asio::post(context_, [this] {
        stopping_ = true;
        sweep_timer_.cancel();
        tick_timer_.cancel();
        work_.reset();
    });
}

void EventLoop::join() {
    if (thread_.joinable()) thread_.join();
}

void EventLoop::enlist(Channel& channel) {
    channels_.push_back(channel);
    if (cut_off_) channel.cut_off_now();
}

void EventLoop::begin_drain() {
    draining_ = true;
    boost::asio::post(context_, [this] { wake_idle(); });
}

void EventLoop::wake_idle() {
    for (Channel& channel : channels_) channel.wake_idle();
}

void EventLoop::cut_off_all() {
    cut_off_ = true;
    for (Channel& channel : channels_) channel.cut_off_now();
}

std::unique_ptr<char[]> EventLoop::take_block() {
    if (blocks_.empty()) return std::unique_ptr<char[]>(new char[block_size]);
    auto block = std::move(blocks_.back());
    blocks_.pop_back();
    return block;
}

void EventLoop::give_block(std::unique_ptr<char[]> block) noexcept {
    if (blocks_.size() < spare_blocks) blocks_.push_back(std::move(block));
}

std::string_view EventLoop::date() {
    constexpr std::size_t length = sizeof("Sun, 06 Nov 1994 08:49:37 GMT") - 1;
    const std::time_t now = std::time(nullptr);
    if (now != date_second_) {
        date_second_ = now;
        std::tm parts{};
        gmtime_r(&now, &parts);
        static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
        static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
        std::snprintf(date_.data(), date_.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                      days[parts.tm_wday], parts.tm_mday, months[parts.tm_mon],
                      parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
    }
    return {date_.data(), length};
}

awaitable<void> EventLoop::sweep() {
    auto last = Clock::now();
    while (!stopping_) {
        sweep_timer_.expires_after(sweep_interval_);
        const bool due = co_await wait(sweep_timer_);
        if (!due) continue;
        const auto now = Clock::now();
        // Where the whole process was held up, its peers were not slow for all of that time.
        const auto elapsed = std::min(now - last, 2 * sweep_interval_);
        last = now;
        for (Channel& channel : channels_) channel.check_limits(options_, elapsed);
    }
}

void EventLoop::run_tick(std::function<awaitable<void>()> tick, LogCallback log) {
    boost::asio::co_spawn(context_, tick_every_second(std::move(tick), std::move(log)),
                          boost::asio::detached);
}

awaitable<void> EventLoop::tick_every_second(std::function<awaitable<void>()> tick,
                                             LogCallback log) {
    while (!stopping_) {
        tick_timer_.expires_after(std::chrono::seconds(1));
        const bool due = co_await wait(tick_timer_);
        if (!due) continue;
        try {
            co_await tick();
        } catch (const std::exception& error) {
            if (log) log(LogLevel::error, std::string("periodic work failed: ") + error.what());
        }
    }
}

}  // namespace pkgreg
