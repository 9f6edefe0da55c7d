#include "server/channel.hpp"

#include "pkgreg/server.hpp"

#include "server/event_loop.hpp"
#include "server/tls/session.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <array>
#include <cstring>

namespace pkgreg {
namespace {

// What a connection may move in one turn. Long enough that the change costs nothing.
constexpr std::size_t bytes_per_turn = std::size_t{4} << 20;
// How long a connection that ends waits for the peer to read the answer and to go.
constexpr std::chrono::seconds last_timeout{2};
// Over which time the speed is measured where no stall timeout says it.
constexpr std::chrono::seconds default_window{60};

}  // namespace

void ReceiveBuffer::reserve(std::size_t wanted) {
    const std::size_t kept = end_ - begin_;
    if (capacity_ - kept < wanted || block_ == nullptr) {
        const std::size_t capacity =
            std::max({EventLoop::block_size, kept + wanted, block_ == nullptr ? 0 : 2 * capacity_});
        auto block = capacity == EventLoop::block_size
                         ? loop_.take_block()
                         : std::unique_ptr<char[]>(new char[capacity]);
        if (kept != 0) std::memcpy(block.get(), block_.get() + begin_, kept);
        block_.swap(block);
        if (capacity_ == EventLoop::block_size) loop_.give_block(std::move(block));
        capacity_ = capacity;
    } else if (begin_ != 0) {
        std::memmove(block_.get(), block_.get() + begin_, kept);
    }
    begin_ = 0;
    end_ = kept;
}

void ReceiveBuffer::settle() {
    if (!put_back_.empty()) {
        reserve(put_back_.size());
        std::memcpy(block_.get() + end_, put_back_.data(), put_back_.size());
        end_ += put_back_.size();
        put_back_ = std::string();
    } else if (empty()) {
        release();
    }
}

void ReceiveBuffer::release() noexcept {
    if (capacity_ == EventLoop::block_size) loop_.give_block(std::move(block_));
    block_.reset();
    capacity_ = begin_ = end_ = 0;
}

Channel::Channel(EventLoop& loop, UniqueFd socket, std::shared_ptr<ssl_ctx_st> tls)
    : loop_(loop), transport_(loop.context(), std::move(socket), std::move(tls)), buffer_(loop) {
    loop.enlist(*this);
}

awaitable<bool> Channel::handshake() {
    while (true) {
        const IoStatus status = transport_.tls()->handshake();
        if (status != IoStatus::would_block) co_return status == IoStatus::ok;
        bool ready = false;
        if (transport_.tls()->has_unsent()) {
            ready = co_await wait_writable(Waiting::head);
        } else {
            ready = co_await wait_readable(Waiting::head);
        }
        if (!ready) co_return false;
    }
}

IoResult Channel::count(IoResult result) noexcept {
    moved_ += result.bytes;
    unyielded_ += result.bytes;
    return result;
}

IoResult Channel::receive(std::span<std::byte> into) noexcept {
    return count(transport_.receive(into));
}

IoResult Channel::fill() noexcept {
    const IoResult result = receive(std::as_writable_bytes(buffer_.space()));
    buffer_.commit(result.bytes);
    return result;
}

IoResult Channel::drop() noexcept {
    std::array<std::byte, 16 << 10> scrap;
    return receive(scrap);
}

IoResult Channel::send(std::span<const iovec> from, bool more) noexcept {
    return count(transport_.send(from, more));
}

IoResult Channel::send_file(int fd, std::uint64_t offset, std::size_t length) noexcept {
    return count(transport_.send_file(fd, offset, length));
}

IoResult Channel::send_pipe(int pipe, std::size_t length) noexcept {
    return count(transport_.send_pipe(pipe, length));
}

awaitable<std::size_t> Channel::send_all(std::span<iovec> from, bool more, Waiting why) {
    std::size_t sent = 0;
    while (true) {
        while (!from.empty() && from.front().iov_len == 0) from = from.subspan(1);
        if (from.empty()) co_return sent;
        const IoResult result = send(from, more);
        sent += result.bytes;
        if (result.status == IoStatus::failed) co_return sent;
        std::size_t left = result.bytes;
        while (!from.empty() && left >= from.front().iov_len) {
            left -= from.front().iov_len;
            from = from.subspan(1);
        }
        if (from.empty()) co_return sent;
        from.front().iov_base = static_cast<char*>(from.front().iov_base) + left;
        from.front().iov_len -= left;
        // A send that was cut short means a full socket: another attempt would only say so.
        const bool ready = co_await wait_writable(why);
        if (!ready) co_return sent;
    }
}

awaitable<bool> Channel::flush(Waiting why) {
    while (true) {
        const IoStatus status = transport_.flush();
        if (status != IoStatus::would_block) co_return status == IoStatus::ok;
        const bool ready = co_await wait_writable(why);
        if (!ready) co_return false;
    }
}

void Channel::begin_wait(Waiting why) noexcept {
    if (why != last_waiting_) phase_waited_ = Duration(0);
    waiting_ = last_waiting_ = why;
    expired_ = false;
    unyielded_ = 0;
}

bool Channel::end_wait(bool ready) noexcept {
    waiting_ = Waiting::nothing;
    return ready && !expired_ && !cut_off_;
}

awaitable<bool> Channel::wait_readable(Waiting why) {
    if (cut_off_) co_return false;
    begin_wait(why);
    const bool ready = co_await transport_.wait_readable();
    co_return end_wait(ready);
}

awaitable<bool> Channel::wait_writable(Waiting why) {
    if (cut_off_) co_return false;
    begin_wait(why);
    const bool ready = co_await transport_.wait_writable();
    co_return end_wait(ready);
}

awaitable<void> Channel::give_way() {
    if (unyielded_ < bytes_per_turn) co_return;
    unyielded_ = 0;
    co_await boost::asio::post(boost::asio::use_awaitable);
}

// A sweep does not know when, since the last one, a wait began, so the doubt is the peer's: limits
// are passed only when they are passed by a whole sweep.

void Channel::check_limits(const ServerOptions& options, Duration elapsed) noexcept {
    if (waiting_ == Waiting::nothing || !over_limit(options, elapsed)) return;
    expired_ = true;
    transport_.cancel();
}

bool Channel::over_limit(const ServerOptions& options, Duration elapsed) noexcept {
    if (waiting_ == Waiting::body || waiting_ == Waiting::response) {
        return transfer_over_limit(options, elapsed);
    }
    const Duration limit = waiting_ == Waiting::request ? options.idle_timeout
                           : waiting_ == Waiting::head  ? options.header_timeout
                                                        : Duration(last_timeout);
    phase_waited_ += elapsed;
    return limit.count() != 0 && phase_waited_ >= limit + elapsed;
}

bool Channel::transfer_over_limit(const ServerOptions& options, Duration elapsed) noexcept {
    const Duration stall = options.stall_timeout;
    if (still_.moved != moved_) {
        still_ = Measure{Duration(0), moved_};
    } else {
        still_.waited += elapsed;
        if (stall.count() != 0 && still_.waited >= stall + elapsed) return true;
    }
    const Duration window = stall.count() != 0 ? stall : Duration(default_window);
    window_.waited += elapsed;
    if (window_.waited < window + elapsed) return false;
    const double seconds = std::chrono::duration<double>(window).count();
    const double wanted = static_cast<double>(options.min_bytes_per_second) * seconds;
    const bool slow = static_cast<double>(moved_ - window_.moved) < wanted;
    window_ = Measure{Duration(0), moved_};
    return slow;
}

void Channel::wake_idle() noexcept {
    if (waiting_ == Waiting::request) transport_.cancel();
}

void Channel::cut_off_now() noexcept {
    cut_off_ = true;
    transport_.abort();
    transport_.cancel();
}

}  // namespace pkgreg
