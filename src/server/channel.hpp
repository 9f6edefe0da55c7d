// A connection's bytes under the server's rules: what was read ahead, what the peer is waited for
// and how long that may take, and how much may be moved before other connections get their turn.
#pragma once

#include "pkgreg/awaitable.hpp"

#include "server/transport.hpp"

#include <boost/intrusive/list.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace pkgreg {

class EventLoop;
struct ServerOptions;

/// What a connection waits for from its peer. Time runs only while it waits: a handler that is slow
/// is not the peer's fault.
enum class Waiting : std::uint8_t {
    nothing,
    request,   ///< the first byte of a request
    head,      ///< the rest of a request's head
    body,      ///< more of a request's body
    response,  ///< room for more of a response
    last       ///< what the peer still sends while the connection ends
};

/// Bytes that were received and not used yet, in one block. The block is lent by the event loop, so
/// an idle connection has none.
class ReceiveBuffer {
 public:
    explicit ReceiveBuffer(EventLoop& loop) noexcept : loop_(loop) {}
    ~ReceiveBuffer() { release(); }
    ReceiveBuffer(const ReceiveBuffer&) = delete;
    ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;

    std::span<char> unread() const noexcept { return {block_.get() + begin_, end_ - begin_}; }
    bool empty() const noexcept { return begin_ == end_; }
    void consume(std::size_t n) noexcept { begin_ += n; }

    /// Space behind the unread bytes, to receive into.
    std::span<char> space() const noexcept { return {block_.get() + end_, capacity_ - end_}; }
    void commit(std::size_t n) noexcept { end_ += n; }

    /// Makes `space` not empty; unread bytes may move.
    void make_space() {
        if (space().empty()) reserve(1);
    }
    /// Keeps bytes that were received elsewhere and belong behind the unread ones. A head in the
    /// block may still be in use, so they join the block only with `settle`.
    void put_back(std::span<const char> bytes) { put_back_.append(bytes.data(), bytes.size()); }
    /// Before the next head: joins what was put back; a block without unread bytes goes back.
    void settle();

 private:
    void reserve(std::size_t wanted);
    void release() noexcept;

    EventLoop& loop_;
    std::unique_ptr<char[]> block_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::string put_back_;
};

class Channel : public boost::intrusive::list_base_hook<
                    boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
    Channel(EventLoop& loop, UniqueFd socket, std::shared_ptr<ssl_ctx_st> tls);

    EventLoop& loop() noexcept { return loop_; }
    ReceiveBuffer& buffer() noexcept { return buffer_; }

    /// Null where the connection does not speak TLS.
    const TlsSession* tls() const noexcept { return transport_.tls(); }
    /// TLS: agrees with the peer on keys; false when that fails.
    awaitable<bool> handshake();
    /// Answers a peer that began with plain HTTP; nothing else can be sent afterwards.
    void refuse_plain_http() noexcept { transport_.refuse_plain_http(); }

    IoResult receive(std::span<std::byte> into) noexcept;
    /// Whether `receive` would give something now: bytes, the end, or an error.
    bool readable() noexcept { return transport_.readable(); }
    IoResult send(std::span<const iovec> from, bool more) noexcept;
    IoResult send_file(int fd, std::uint64_t offset, std::size_t length) noexcept;
    bool sends_pipes() const noexcept { return transport_.sends_pipes(); }
    IoResult send_pipe(int pipe, std::size_t length) noexcept;
    /// Receives into the buffer, whose `space` is not empty.
    IoResult fill() noexcept;
    /// Receives into memory that nobody looks at.
    IoResult drop() noexcept;
    /// Sends all that the vectors hold, which changes them; how much of it was sent.
    awaitable<std::size_t> send_all(std::span<iovec> from, bool more, Waiting why);

    /// Waits until all that was sent has left; false when it cannot.
    awaitable<bool> flush(Waiting why);

    /// False when the peer took too long (`expired`), when the server ends, or on a broken socket.
    awaitable<bool> wait_readable(Waiting why);
    awaitable<bool> wait_writable(Waiting why);
    /// The last wait ended because a limit on time or speed was passed.
    bool expired() const noexcept { return expired_; }
    /// The server cut this connection off; nothing more can be sent.
    bool cut_off() const noexcept { return cut_off_; }

    /// Lets others of the loop have a turn when this connection has moved much without a wait.
    awaitable<void> give_way();
    /// Counts work that moved few bytes.
    void spend(std::size_t bytes) noexcept { unyielded_ += bytes; }
    /// Limits on time and speed begin anew with each request.
    void begin_request() noexcept {
        phase_waited_ = Duration(0);
        window_ = Measure{Duration(0), moved_};
    }

    void cork(bool on) noexcept { transport_.cork(on); }
    void shut_down_send() noexcept { transport_.shut_down_send(); }

    // For the loop, on its thread.
    /// Ends the wait when its limit is passed; `elapsed` is the time since the last call.
    void check_limits(const ServerOptions& options, std::chrono::nanoseconds elapsed) noexcept;
    /// Ends a wait for a new request.
    void wake_idle() noexcept;
    /// Ends everything.
    void cut_off_now() noexcept;

 private:
    using Duration = std::chrono::nanoseconds;
    /// Time spent waiting, and what was moved by the end of it.
    struct Measure {
        Duration waited{0};
        std::uint64_t moved = 0;
    };

    void begin_wait(Waiting why) noexcept;
    bool end_wait(bool ready) noexcept;
    IoResult count(IoResult result) noexcept;
    bool over_limit(const ServerOptions& options, Duration elapsed) noexcept;
    bool transfer_over_limit(const ServerOptions& options, Duration elapsed) noexcept;

    EventLoop& loop_;
    Transport transport_;
    ReceiveBuffer buffer_;
    std::uint64_t moved_ = 0;
    std::size_t unyielded_ = 0;
    Waiting waiting_ = Waiting::nothing;
    Waiting last_waiting_ = Waiting::nothing;
    bool expired_ = false;
    bool cut_off_ = false;

    // What the sweeps have counted: in one kind of wait, without a byte moving, and over the window
    // in which the speed is measured.
    Duration phase_waited_{0};
    Measure still_;
    Measure window_;
};

}  // namespace pkgreg
