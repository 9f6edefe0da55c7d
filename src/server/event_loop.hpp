// EventLoop: one thread with an io_context of its own, and what its connections share: the sweep
// that watches the limits, blocks to receive into, the date.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/server.hpp"

#include "server/channel.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

namespace pkgreg {

/// Everything but `start`, `begin_drain`, `stop`, `join`, `context` and `load` belongs to the
/// loop's own thread.
class EventLoop {
 public:
    /// A request's head fits nearly always.
    static constexpr std::size_t block_size = std::size_t{8} << 10;

    explicit EventLoop(const ServerOptions& options);

    void start();
    /// Refuses requests that begin from now on, and ends connections that wait for one.
    void begin_drain();
    /// Lets the loop end when its connections have ended.
    void stop();
    void join();

    boost::asio::io_context& context() noexcept { return context_; }
    /// Connections that were given to this loop and have not ended.
    std::atomic<std::size_t> load{0};

    void enlist(Channel& channel);
    /// Requests that begin now are refused.
    bool draining() const noexcept { return draining_; }
    void wake_idle();
    void cut_off_all();

    std::unique_ptr<char[]> take_block();
    void give_block(std::unique_ptr<char[]> block) noexcept;

    /// The present date as HTTP writes it; valid until the next call.
    std::string_view date();

    /// Calls `tick` every second until the loop stops; for one call only.
    void run_tick(std::function<awaitable<void>()> tick, LogCallback log);

 private:
    using Clock = std::chrono::steady_clock;

    awaitable<void> sweep();
    awaitable<void> tick_every_second(std::function<awaitable<void>()> tick, LogCallback log);

    const ServerOptions& options_;
    const Clock::duration sweep_interval_;
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    boost::asio::steady_timer sweep_timer_;
    boost::asio::steady_timer tick_timer_;
    std::atomic<bool> draining_{false};
    bool stopping_ = false;
    bool cut_off_ = false;
    boost::intrusive::list<Channel, boost::intrusive::constant_time_size<false>> channels_;
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::time_t date_second_ = 0;
    std::array<char, 32> date_{};
    std::thread thread_;
};

}  // namespace pkgreg
