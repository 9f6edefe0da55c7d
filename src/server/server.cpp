// The running server: who accepts connections, which loop gets them, and how all of it ends.

#include "pkgreg/server.hpp"

#include "pkgreg/error.hpp"
#include "pkgreg/work_pool.hpp"

#include "base/random_id.hpp"
#include "server/connection.hpp"
#include "server/event_loop.hpp"
#include "server/listener.hpp"
#include "server/tls/context.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <future>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

namespace pkgreg {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto no_exception = boost::asio::as_tuple(boost::asio::use_awaitable);

class ServerImpl;

/// Accepts on one listening socket; lives on the first loop.
struct Acceptor {
    Acceptor(boost::asio::io_context& context, ListeningSocket listening, bool speaks_tls,
             std::string redirect)
        : socket(std::move(listening)),
          tls(speaks_tls),
          redirect_port(std::move(redirect)),
          readable(context, socket.fd()),
          pause(context) {}
    ~Acceptor() {
        if (readable.is_open()) readable.release();
    }

    ListeningSocket socket;
    const bool tls;
    const std::string redirect_port;
    Transport::Descriptor readable;
    boost::asio::steady_timer pause;
    bool full = false;
};

/// Counts a connection for as long as it lives, wherever it is.
class ConnectionSlot {
 public:
    ConnectionSlot(ServerImpl& server, EventLoop& loop) noexcept;
    ConnectionSlot(ConnectionSlot&& other) noexcept
        : server_(std::exchange(other.server_, nullptr)), loop_(other.loop_) {}
    ConnectionSlot& operator=(ConnectionSlot&&) = delete;
    ~ConnectionSlot();

    EventLoop& loop() const noexcept { return *loop_; }

 private:
    ServerImpl* server_;
    EventLoop* loop_;
};

class ServerImpl final : public Server {
 public:
    ServerImpl(std::shared_ptr<HttpHandler> handler, ServerOptions options);
    ~ServerImpl() override;

    void open();
    void run(std::function<awaitable<void>()> tick);

    const std::vector<std::string>& urls() const noexcept override { return urls_; }
    std::size_t connections() const noexcept override { return connections_; }
    bool drain(std::chrono::milliseconds grace) override;

    void connection_begins(EventLoop& loop) noexcept;
    void connection_ends(EventLoop& loop) noexcept;

 private:
    awaitable<void> accept_all(Acceptor& acceptor);
    awaitable<void> wait_for_room(Acceptor& acceptor);
    int accept_one(Acceptor& acceptor);
    std::string listen(const std::string& address, Spoken spoken, const std::string& redirect_port);
    std::string tls_port() const;
    awaitable<void> watch_certificate();
    void give(NewConnection connection);
    void log_accept_error(int error);
    bool full() const noexcept;
    void stop_listening();
    void stop_loops();

    const std::shared_ptr<HttpHandler> handler_;
    const ServerOptions options_;
    WorkPool pool_;
    const ConnectionContext context_;
    std::vector<std::unique_ptr<EventLoop>> loops_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    std::vector<std::string> urls_;
    std::unique_ptr<TlsContext> tls_;
    bool running_ = false;

    std::atomic<std::size_t> connections_{0};
    std::atomic<bool> paused_{false};
    std::mutex mutex_;
    std::condition_variable all_ended_;

    // The first loop's.
    bool listening_ = true;
    std::optional<boost::asio::steady_timer> certificate_timer_;
    std::uint64_t accepted_ = 0;
    Clock::time_point last_complaint_{};
};

ConnectionSlot::ConnectionSlot(ServerImpl& server, EventLoop& loop) noexcept
    : server_(&server), loop_(&loop) {
    server.connection_begins(loop);
}

ConnectionSlot::~ConnectionSlot() {
    if (server_ != nullptr) server_->connection_ends(*loop_);
}

// The arguments are parameters, not captures: a coroutine keeps those.
awaitable<void> serve_connection(ConnectionSlot slot, const ConnectionContext& context,
                                 NewConnection accepted) {
    Connection connection(slot.loop(), context, std::move(accepted));
    co_await connection.serve();
}

ServerImpl::ServerImpl(std::shared_ptr<HttpHandler> handler, ServerOptions options)
    : handler_(std::move(handler)),
      options_(std::move(options)),
      context_{*handler_, options_, pool_, random_id()} {
    std::size_t threads = options_.threads;
    if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
    for (std::size_t i = 0; i < threads; ++i) {
        loops_.push_back(std::make_unique<EventLoop>(options_));
    }
    certificate_timer_.emplace(loops_.front()->context());
}

void ServerImpl::open() {
    if (options_.listen.empty()) {
        throw Error(ErrorCode::invalid_options, "no address to listen on; set at least one");
    }
    if (options_.tls) tls_ = std::make_unique<TlsContext>(*options_.tls, options_.log);
    const Spoken spoken = tls_                  ? Spoken::tls
                          : options_.allow_http ? Spoken::http_anywhere
                                                : Spoken::http;
    for (const std::string& address : options_.listen) {
        urls_.push_back(listen(address, spoken, ""));
    }
    if (options_.redirect.empty()) return;
    const std::string port = tls_port();
    for (const std::string& address : options_.redirect) {
        listen(address, Spoken::http_anywhere, port);
    }
}

/// Binds an address; its URL.
std::string ServerImpl::listen(const std::string& address, Spoken spoken,
                               const std::string& redirect_port) {
    Listener listener = listen_on(address, spoken);
    const bool tls = listener.url.starts_with("https:");
    for (ListeningSocket& socket : listener.sockets) {
        acceptors_.push_back(std::make_unique<Acceptor>(loops_.front()->context(),
                                                        std::move(socket), tls, redirect_port));
    }
    return std::move(listener.url);
}

/// The port that plain requests are sent on to.
std::string ServerImpl::tls_port() const {
    for (const std::string& url : urls_) {
        if (url.starts_with("https:")) return url.substr(url.rfind(':') + 1);
    }
    throw Error(ErrorCode::invalid_options,
                "requests can only be redirected to an address that speaks TLS, and there is none; "
                "give a certificate and a key");
}

void ServerImpl::run(std::function<awaitable<void>()> tick) {
    try {
        for (const auto& loop : loops_) loop->start();
    } catch (const std::system_error& error) {
        stop_loops();
        throw Error(ErrorCode::io, std::string("cannot start a thread: ") + error.what());
    }
    running_ = true;
    EventLoop& first = *loops_.front();
    for (const auto& acceptor : acceptors_) {
        boost::asio::co_spawn(first.context(), accept_all(*acceptor), boost::asio::detached);
    }
    if (tick) first.run_tick(std::move(tick), options_.log);
    if (tls_) boost::asio::co_spawn(first.context(), watch_certificate(), boost::asio::detached);
}

awaitable<void> ServerImpl::watch_certificate() {
    while (listening_) {
        certificate_timer_->expires_after(std::chrono::seconds(1));
        co_await certificate_timer_->async_wait(no_exception);
        if (listening_) tls_->reload_if_changed();
    }
}

void ServerImpl::stop_loops() {
    for (const auto& loop : loops_) loop->stop();
    for (const auto& loop : loops_) loop->join();
}

ServerImpl::~ServerImpl() {
    if (!running_) return;
    drain(std::chrono::milliseconds(0));
    stop_loops();
}

bool ServerImpl::drain(std::chrono::milliseconds grace) {
    for (const auto& loop : loops_) loop->begin_drain();
    std::promise<void> stopped;
    boost::asio::post(loops_.front()->context(), [&] {
        stop_listening();
        stopped.set_value();
    });
    stopped.get_future().wait();
    std::unique_lock lock(mutex_);
    const auto ended = [this] { return connections_ == 0; };
    // The clock of the wait cannot count much further than this.
    const auto longest = std::chrono::milliseconds(std::chrono::hours(24 * 365));
    const bool in_time = all_ended_.wait_for(lock, std::min(grace, longest), ended);
    if (!in_time) {
        for (const auto& loop : loops_) {
            boost::asio::post(loop->context(), [target = loop.get()] { target->cut_off_all(); });
        }
        all_ended_.wait(lock, ended);
    }
    return in_time;
}

void ServerImpl::stop_listening() {
    listening_ = false;
    certificate_timer_->cancel();
    for (const auto& acceptor : acceptors_) {
        acceptor->pause.cancel();
        if (acceptor->readable.is_open()) acceptor->readable.release();
        acceptor->socket.close();
    }
}

void ServerImpl::connection_begins(EventLoop& loop) noexcept {
    ++loop.load;
    ++connections_;
}

void ServerImpl::connection_ends(EventLoop& loop) noexcept {
    --loop.load;
    const std::lock_guard lock(mutex_);
    if (--connections_ == 0) all_ended_.notify_all();
    if (paused_.exchange(false)) {
        boost::asio::post(loops_.front()->context(), [this] {
            for (const auto& acceptor : acceptors_) {
                if (acceptor->full) acceptor->pause.cancel();
            }
        });
    }
}

bool ServerImpl::full() const noexcept {
    return options_.max_connections != 0 && connections_ >= options_.max_connections;
}

awaitable<void> ServerImpl::wait_for_room(Acceptor& acceptor) {
    while (listening_ && full()) {
        acceptor.full = true;
        acceptor.pause.expires_at(Clock::time_point::max());
        // Whoever ends from here on sees the flag; who ended before is seen by the second look.
        paused_ = true;
        if (full()) co_await acceptor.pause.async_wait(no_exception);
        acceptor.full = false;
    }
}

awaitable<void> ServerImpl::accept_all(Acceptor& acceptor) {
    std::size_t accepted_in_turn = 0;
    while (listening_) {
        co_await wait_for_room(acceptor);
        if (!listening_) co_return;
        const int error = accept_one(acceptor);
        switch (error) {
            case 0:
            case EINTR:
            case ECONNABORTED:
                // A flood of connections must not keep those that are there from their turn.
                if (++accepted_in_turn % 32 == 0) {
                    co_await boost::asio::post(boost::asio::use_awaitable);
                }
                break;
            case EAGAIN:
                co_await acceptor.readable.async_wait(Transport::Descriptor::wait_read,
                                                      no_exception);
                break;
            default:
                // Out of descriptors or memory: others have to give some back first.
                log_accept_error(error);
                acceptor.pause.expires_after(std::chrono::milliseconds(100));
                co_await acceptor.pause.async_wait(no_exception);
        }
    }
}

/// Accepts a connection that waits, and gives it to a loop; the error of the call, or 0.
int ServerImpl::accept_one(Acceptor& acceptor) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    UniqueFd socket(::accept4(acceptor.socket.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return errno;
    if (peer.ss_family == AF_INET || peer.ss_family == AF_INET6) {
        const int on = 1;
        ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    NewConnection connection(std::move(socket), format_address(peer), ++accepted_);
    if (acceptor.tls) connection.tls = tls_->current();
    connection.redirect_port = acceptor.redirect_port;
    give(std::move(connection));
    return 0;
}

void ServerImpl::give(NewConnection connection) {
    EventLoop& loop = **std::ranges::min_element(
        loops_, {}, [](const auto& candidate) { return candidate->load.load(); });
    ConnectionSlot slot(*this, loop);
    boost::asio::co_spawn(loop.context(),
                          serve_connection(std::move(slot), context_, std::move(connection)),
                          boost::asio::detached);
}

void ServerImpl::log_accept_error(int error) {
    const auto now = Clock::now();
    if (!options_.log || now - last_complaint_ < std::chrono::minutes(1)) return;
    last_complaint_ = now;
    options_.log(LogLevel::warning,
                 "cannot accept connections for now: " + std::generic_category().message(error));
}

}  // namespace

std::unique_ptr<Server> Server::start(std::shared_ptr<HttpHandler> handler, ServerOptions options,
                                      std::function<awaitable<void>()> tick) {
    auto server = std::make_unique<ServerImpl>(std::move(handler), std::move(options));
    server->open();
    server->run(std::move(tick));
    return server;
}

}  // namespace pkgreg
