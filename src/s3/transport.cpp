#include "s3/transport.hpp"

#include "pkgreg/error.hpp"

#include "base/threads.hpp"
#include "s3/transfer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <map>
#include <netinet/in.h>
#include <new>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <thread>

namespace pkgreg::s3 {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// libcurl's largest: the fewer system calls and wake-ups, the faster a transfer.
constexpr long receive_buffer = 512L << 10;
/// Small enough to stay in the processor's cache between libcurl's copy and the kernel's.
constexpr long send_buffer = 128L << 10;
/// An error's body is only read for its message.
constexpr std::size_t most_of_an_error = std::size_t{64} << 10;
constexpr std::size_t most_headers = 256;
/// How long bytes wait for more before they are handed to a reader.
constexpr auto linger = 1ms;
constexpr std::size_t most_idle_handles = 32;
/// For less, a connection that can be kept is worth more than what is not copied.
constexpr std::uint64_t least_for_socket = std::uint64_t{8} << 20;
constexpr long most_idle_connections = 64;

Failure failure_of(CURLcode code, const Transfer& transfer) {
    switch (code) {
        case CURLE_OK: return Failure::none;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY: return Failure::resolve;
        case CURLE_PROXY:
        case CURLE_COULDNT_CONNECT: return Failure::connect;
        case CURLE_OPERATION_TIMEDOUT: return Failure::connect_timeout;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE: return Failure::certificate;
        case CURLE_SSL_CONNECT_ERROR: return Failure::tls;
        case CURLE_PARTIAL_FILE:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_WEIRD_SERVER_REPLY: return Failure::broken;
        case CURLE_WRITE_ERROR: return transfer.overflowed ? Failure::too_large : Failure::other;
        default: return Failure::other;
    }
}

std::string text_of(Failure failure, CURLcode code, const Transfer& transfer) {
    if (code == CURLE_OK) return "the connection ended in the answer's headers";
    if (failure == Failure::too_large) {
        return "it has more than " + std::to_string(transfer.request.max_body) + " bytes";
    }
    return transfer.error_text[0] != '\0' ? transfer.error_text : curl_easy_strerror(code);
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

/// The status in `HTTP/1.1 200 OK`, or 0.
int status_in(std::string_view line) {
    const std::size_t blank = line.find(' ');
    int status = 0;
    if (blank != std::string_view::npos) {
        std::from_chars(line.data() + blank + 1, line.data() + line.size(), status);
    }
    return status;
}

/// 0 where the answer does not tell it.
std::uint64_t content_length(const HttpAnswer& answer) {
    const std::string_view text = find(answer.headers, "content-length");
    std::uint64_t size = 0;
    std::from_chars(text.data(), text.data() + text.size(), size);
    return size;
}

/// Whether a body, whose headers are there, comes over its socket as it is, and is large enough.
bool may_leave_libcurl(const Transfer& transfer) {
    return transfer.request.url.starts_with("http://") &&
           find(transfer.answer.headers, "transfer-encoding").empty() &&
           content_length(transfer.answer) >= least_for_socket;
}

/// One of a socket's ports, by `getsockname` or `getpeername`; -1 where it has none.
int port_of(int socket, int (*name)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (name(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return -1;
    if (address.ss_family == AF_INET) {
        return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    }
    if (address.ss_family == AF_INET6) {
        return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
    }
    return -1;
}

void set(CURL* handle, CURLoption option, auto value) {
    if (const CURLcode code = curl_easy_setopt(handle, option, value); code != CURLE_OK) {
        throw Error(ErrorCode::internal, std::string("libcurl refuses an option (") +
                                             std::to_string(option) +
                                             "): " + curl_easy_strerror(code));
    }
}

}  // namespace

/// The thread, and what only it touches. Others post functions to it.
class Transport::Thread {
 public:
    explicit Thread(TransportOptions options) : options_(std::move(options)) {
        static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
        multi_ = global == CURLE_OK ? curl_multi_init() : nullptr;
        if (multi_ == nullptr) throw std::bad_alloc();
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most_idle_connections);
        curl_multi_setopt(multi_, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
    }

    ~Thread() {
        if (thread_.joinable()) {
            post([this] { stopping_ = true; });
            thread_.join();
        }
        for (CURL* handle : idle_) curl_easy_cleanup(handle);
        curl_multi_cleanup(multi_);
    }

    ChunkPool& chunks() noexcept { return chunks_; }

    void post(std::function<void()> command) {
        bool first = false;
        {
            const std::lock_guard lock(mutex_);
            if (!thread_.joinable()) thread_ = start_thread([this] { run(); });
            first = commands_.empty();
            commands_.push_back(std::move(command));
        }
        if (first) curl_multi_wakeup(multi_);
    }

    void start(std::shared_ptr<Transfer> transfer) {
        post([this, transfer = std::move(transfer)] { begin(transfer); });
    }
    void cancel(std::shared_ptr<Transfer> transfer) {
        post([this, transfer = std::move(transfer)] {
            finish(*transfer, Failure::closed, "given up");
        });
    }
    void go_on(std::shared_ptr<Transfer> transfer) {
        post([this, transfer = std::move(transfer)] {
            if (transfer->handle == nullptr) return;
            transfer->moved_at = Clock::now();
            curl_easy_pause(transfer->handle, CURLPAUSE_CONT);
        });
    }
    void take_socket(std::shared_ptr<Transfer> transfer, Resume resume) {
        auto shared = std::make_shared<Resume>(std::move(resume));
        post([this, transfer = std::move(transfer), shared] {
            take_socket_of(*transfer);
            (*shared)();
        });
    }
    void wake_after(std::chrono::milliseconds duration, bool background, Resume resume) {
        // In a shared place: std::function wants to copy what it holds.
        auto shared = std::make_shared<Resume>(std::move(resume));
        post([this, duration, background, shared] {
            const bool at_once = background && background_ended_;
            const auto when = Clock::now() + (at_once ? 0ms : duration);
            timers_.emplace(when, Timer{std::move(*shared), background});
        });
    }
    void end_background(Clock::time_point deadline) {
        // Not by `post`: a thread that has not begun need not begin for this.
        const std::lock_guard lock(mutex_);
        commands_.push_back([this, deadline] {
            background_ended_ = deadline;
            std::multimap<Clock::time_point, Timer> waiting;
            waiting.swap(timers_);
            for (auto& [when, timer] : waiting) {
                timers_.emplace(timer.background ? Clock::time_point() : when, std::move(timer));
            }
        });
        curl_multi_wakeup(multi_);
    }

 private:
    void run() {
        while (true) {
            run_commands();
            if (stopping_) break;
            int running = 0;
            curl_multi_perform(multi_, &running);
            finish_what_ended();
            const auto now = Clock::now();
            deliver(now);
            run_timers(now);
            watch(now);
            curl_multi_poll(multi_, nullptr, 0, milliseconds_to_wait(now), nullptr);
        }
        const std::vector<std::shared_ptr<Transfer>> left = active_;
        for (const auto& transfer : left) finish(*transfer, Failure::closed, "closed");
        for (const auto& [when, timer] : timers_) timer.resume();
    }

    void run_commands() {
        std::vector<std::function<void()>> commands;
        {
            const std::lock_guard lock(mutex_);
            commands.swap(commands_);
        }
        for (auto& command : commands) command();
    }

    int milliseconds_to_wait(Clock::time_point now) const {
        auto wait = std::chrono::ceil<std::chrono::milliseconds>(60s);
        const auto at_most = [&](Clock::time_point when) {
            wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(when - now));
        };
        if (!active_.empty()) at_most(watch_at_);
        if (lingering_) wait = std::min<std::chrono::milliseconds>(wait, linger);
        if (!timers_.empty()) at_most(timers_.begin()->first);
        return static_cast<int>(std::max<std::int64_t>(wait.count(), 0));
    }

    // Beginning and end of a transfer.

    void begin(const std::shared_ptr<Transfer>& transfer) {
        active_.push_back(transfer);
        transfer->moved_at = Clock::now();
        watch_at_ =
            std::min(watch_at_, transfer->moved_at + watch_interval(stall_limit(*transfer)));
        try {
            if (idle_.empty()) {
                transfer->handle = curl_easy_init();
                if (transfer->handle == nullptr) throw std::bad_alloc();
            } else {
                transfer->handle = idle_.back();
                idle_.pop_back();
            }
            configure(*transfer);
            if (curl_multi_add_handle(multi_, transfer->handle) != CURLM_OK) throw std::bad_alloc();
        } catch (const std::exception& error) {
            finish(*transfer, Failure::other, error.what());
        }
    }

    void finish(Transfer& transfer, Failure failure, const char* text) {
        const auto at = std::ranges::find(active_, &transfer, &std::shared_ptr<Transfer>::get);
        if (at == active_.end()) return;
        const std::shared_ptr<Transfer> keep = std::move(*at);
        *at = std::move(active_.back());
        active_.pop_back();
        if (CURL* handle = std::exchange(transfer.handle, nullptr)) {
            curl_multi_remove_handle(multi_, handle);
            // One that failed may still have buffers, which bars it from being set up anew.
            if (failure == Failure::none && idle_.size() < most_idle_handles) {
                curl_easy_reset(handle);
                idle_.push_back(handle);
            } else {
                curl_easy_cleanup(handle);
            }
        }
        transfer.header_list.reset();
        transfer.answer.failure = failure;
        if (failure != Failure::none) transfer.answer.failure_text = text;
        Resume resume;
        {
            const std::lock_guard lock(transfer.mutex);
            transfer.has_ended = true;
            resume = std::exchange(transfer.waiter, nullptr);
            transfer.into = {};
            // Under the mutex: who waits for this may free the transfer's owner right after.
            transfer.ended.notify_all();
        }
        // Wakes who waits at the socket.
        if (transfer.socket) ::shutdown(transfer.socket.get(), SHUT_RDWR);
        if (resume) resume();
    }

    /// Makes the rest of a body the coroutine's to take, unless something speaks against it. What
    /// is left of the connection in libcurl is closed.
    void take_socket_of(Transfer& transfer) {
        if (transfer.handle == nullptr) return;
        if (!has_all(transfer)) take_what_is_held(transfer);
        const std::uint64_t left = left_on_socket(transfer);
        if (left < least_for_socket) return;
        const int theirs = socket_of(transfer.handle);
        if (theirs < 0) return;
        UniqueFd ours(::fcntl(theirs, F_DUPFD_CLOEXEC, 0));
        const UniqueFd other(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        // A socket that is not connected takes the place of the one that libcurl knows, so it
        // cannot touch the connection when it closes that.
        if (!ours || !other || ::dup3(other.get(), theirs, O_CLOEXEC) < 0) return;
        curl_multi_remove_handle(multi_, transfer.handle);
        curl_easy_cleanup(std::exchange(transfer.handle, nullptr));
        transfer.header_list.reset();
        transfer.moved_at = Clock::now();
        transfer.socket_left = left;
        transfer.socket = std::move(ours);
    }

    /// The socket of a transfer that is under way, which libcurl does not tell: found by its ports.
    /// -1 unless there is exactly one.
    int socket_of(CURL* handle) const {
        long local = 0;
        long remote = 0;
        curl_easy_getinfo(handle, CURLINFO_LOCAL_PORT, &local);
        curl_easy_getinfo(handle, CURLINFO_PRIMARY_PORT, &remote);
        int found = -1;
        for (const int socket : sockets_) {
            if (port_of(socket, &::getsockname) != local) continue;
            if (port_of(socket, &::getpeername) != remote) continue;
            if (found >= 0) return -1;
            found = socket;
        }
        return found;
    }

    /// Whether libcurl has given all that it received of a body. It keeps back what it received
    /// after a pause, or what was refused.
    static bool has_all(const Transfer& transfer) {
        curl_off_t counted = 0;
        curl_easy_getinfo(transfer.handle, CURLINFO_SIZE_DOWNLOAD_T, &counted);
        return static_cast<std::uint64_t>(counted) == transfer.received;
    }

    /// Has libcurl give what it kept back of a body, one receive at most.
    static void take_what_is_held(Transfer& transfer) {
        {
            const std::lock_guard lock(transfer.mutex);
            transfer.paused = false;
        }
        transfer.unbounded = true;
        curl_easy_pause(transfer.handle, CURLPAUSE_CONT);
        transfer.unbounded = false;
    }

    /// How much of a body is still to come over the socket as it is; 0 when it does not.
    std::uint64_t left_on_socket(const Transfer& transfer) const {
        const HttpRequest& request = transfer.request;
        const bool has_proxy = !request.direct && !options_.proxy.empty();
        if (has_proxy || !may_leave_libcurl(transfer) || !has_all(transfer)) return 0;
        const std::uint64_t size = content_length(transfer.answer);
        return size > transfer.received ? size - transfer.received : 0;
    }

    void finish_what_ended() {
        int left = 0;
        while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
            if (message->msg != CURLMSG_DONE) continue;
            void* user = nullptr;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
            auto& transfer = *static_cast<Transfer*>(user);
            const CURLcode code = message->data.result;
            Failure failure = failure_of(code, transfer);
            // libcurl takes headers that end in the middle for all that there are.
            if (failure == Failure::none && !transfer.has_headers) failure = Failure::broken;
            const std::string text = text_of(failure, code, transfer);
            finish(transfer, failure, text.c_str());
        }
    }

    void configure(Transfer& transfer) {
        CURL* const handle = transfer.handle;
        const HttpRequest& request = transfer.request;
        set(handle, CURLOPT_PRIVATE, &transfer);
        set(handle, CURLOPT_ERRORBUFFER, transfer.error_text);
        set(handle, CURLOPT_URL, request.url.c_str());
        // A key may have `.` and `..` for parts.
        set(handle, CURLOPT_PATH_AS_IS, 1L);
        set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
        set(handle, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        set(handle, CURLOPT_NOSIGNAL, 1L);
        set(handle, CURLOPT_TCP_NODELAY, 1L);
        set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
        set(handle, CURLOPT_BUFFERSIZE, receive_buffer);
        const auto timeout =
            request.connect_timeout != 0ms ? request.connect_timeout : options_.connect_timeout;
        set(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
        set(handle, CURLOPT_PROXY, request.direct ? "" : options_.proxy.c_str());
        set(handle, CURLOPT_NOPROXY, "");
        if (!options_.ca_file.empty()) set(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
        configure_method(transfer);
        configure_headers(transfer);
        configure_callbacks(transfer);
    }

    static void configure_method(Transfer& transfer) {
        CURL* const handle = transfer.handle;
        const HttpRequest& request = transfer.request;
        if (request.method == "HEAD") {
            set(handle, CURLOPT_NOBODY, 1L);
        } else if (request.method == "PUT" || request.method == "POST") {
            // As "post fields" a body is read from where it is, a small one leaves in the same
            // packet as its headers, and libcurl can begin again by itself.
            set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
            set(handle, CURLOPT_POSTFIELDS,
                request.body.empty() ? "" : reinterpret_cast<const char*>(request.body.data()));
            set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
            if (request.body.size() > std::size_t{64} << 10) {
                set(handle, CURLOPT_UPLOAD_BUFFERSIZE, send_buffer);
            }
        } else if (request.method != "GET") {
            set(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        }
    }

    static void configure_headers(Transfer& transfer) {
        const auto add = [&transfer](const std::string& line) {
            curl_slist* const list = curl_slist_append(transfer.header_list.get(), line.c_str());
            if (list == nullptr) throw std::bad_alloc();
            static_cast<void>(transfer.header_list.release());
            transfer.header_list.reset(list);
        };
        for (const Field& header : transfer.request.headers) {
            add(header.name + ": " + header.value);
        }
        // What libcurl would add by itself.
        add("Expect:");
        add("Content-Type:");
        add("Accept:");
        set(transfer.handle, CURLOPT_HTTPHEADER, transfer.header_list.get());
    }

    void configure_callbacks(Transfer& transfer) {
        CURL* const handle = transfer.handle;
        set(handle, CURLOPT_HEADERFUNCTION, &take_header);
        set(handle, CURLOPT_WRITEFUNCTION, &take_body);
        set(handle, CURLOPT_PREREQFUNCTION, &count_send);
        set(handle, CURLOPT_OPENSOCKETFUNCTION, &open_socket);
        set(handle, CURLOPT_OPENSOCKETDATA, this);
        set(handle, CURLOPT_CLOSESOCKETFUNCTION, &close_socket);
        set(handle, CURLOPT_CLOSESOCKETDATA, this);
        set(handle, CURLOPT_HEADERDATA, &transfer);
        set(handle, CURLOPT_WRITEDATA, &transfer);
        set(handle, CURLOPT_PREREQDATA, &transfer);
    }

    // libcurl's callbacks. They are C: nothing may be thrown through it.

    static curl_socket_t open_socket(void* user, curlsocktype, curl_sockaddr* address) noexcept {
        std::vector<int>& sockets = static_cast<Thread*>(user)->sockets_;
        UniqueFd socket(
            ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
        if (!socket) return CURL_SOCKET_BAD;
        try {
            sockets.push_back(socket.get());
        } catch (...) {
            return CURL_SOCKET_BAD;
        }
        return socket.release();
    }

    static int close_socket(void* user, curl_socket_t socket) noexcept {
        std::erase(static_cast<Thread*>(user)->sockets_, socket);
        return ::close(socket);
    }

    static std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) noexcept {
        try {
            return add_header(*static_cast<Transfer*>(user), std::string_view(data, size)) ? size
                                                                                           : 0;
        } catch (...) {
            return 0;
        }
    }

    static bool add_header(Transfer& transfer, std::string_view line) {
        // What comes behind a chunked body looks like headers, too.
        if (transfer.has_headers) return true;
        HttpAnswer& answer = transfer.answer;
        if (line.starts_with("HTTP/")) {
            answer.headers.clear();
            answer.status = status_in(line);
        } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
            if (answer.headers.size() == most_headers) return false;
            answer.headers.push_back(
                {to_lower(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
        } else if (trim(line).empty() && answer.status >= 200) {
            if (answer.is_success() && !transfer.streaming) reserve_body(transfer);
            const std::lock_guard lock(transfer.mutex);
            transfer.has_headers = true;
            transfer.touched = true;
        }
        return true;
    }

    static void reserve_body(Transfer& transfer) {
        const std::uint64_t size = content_length(transfer.answer);
        const std::uint64_t most = transfer.request.max_body;
        transfer.answer.body.reserve(static_cast<std::size_t>(std::min(size, most)));
    }

    static std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) noexcept {
        auto& transfer = *static_cast<Transfer*>(user);
        try {
            if (transfer.streams_now()) return add_to_stream(transfer, data, size);
            return collect(transfer, std::string_view(data, size)) ? size : 0;
        } catch (...) {
            return 0;
        }
    }

    static bool collect(Transfer& transfer, std::string_view bytes) {
        std::string& body = transfer.answer.body;
        if (transfer.answer.is_success()) {
            transfer.overflowed = bytes.size() > transfer.request.max_body - body.size();
            if (transfer.overflowed) return false;
            body.append(bytes);
        } else {
            body.append(bytes.substr(0, most_of_an_error - body.size()));
        }
        return true;
    }

    static std::size_t add_to_stream(Transfer& transfer, const char* data, std::size_t size) {
        const std::lock_guard lock(transfer.mutex);
        if (transfer.buffered + size > Transfer::most_buffered && !transfer.unbounded) {
            transfer.paused = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        transfer.received += size;
        transfer.add(std::as_bytes(std::span(data, size)));
        transfer.touched = true;
        return size;
    }

    static int count_send(void* user, char*, char*, int, int) noexcept {
        ++static_cast<Transfer*>(user)->answer.sends;
        return CURL_PREREQFUNC_OK;
    }

    // What is done once per round.

    /// Hands what came to the coroutines that wait for it, and stops transfers that nobody reads.
    void deliver(Clock::time_point now) {
        lingering_ = false;
        for (const auto& transfer : active_) {
            if (transfer->touched || transfer->lingers) deliver(*transfer, now);
            lingering_ |= transfer->lingers;
        }
    }

    static void deliver(Transfer& transfer, Clock::time_point now) {
        transfer.touched = false;
        Resume resume;
        bool pause = false;
        {
            const std::lock_guard lock(transfer.mutex);
            const bool late = transfer.lingers && now >= transfer.linger_until;
            const bool has_some = transfer.waiter && transfer.filled > 0;
            if (transfer.waiter && transfer.is_ready(late)) {
                resume = std::exchange(transfer.waiter, nullptr);
                transfer.into = {};
            } else if (has_some && !transfer.lingers) {
                transfer.linger_until = now + linger;
            }
            transfer.lingers = has_some && !resume;
            pause = !transfer.paused && transfer.buffered > Transfer::pause_above;
            transfer.paused |= pause;
        }
        if (pause) curl_easy_pause(transfer.handle, CURLPAUSE_RECV);
        if (resume) resume();
    }

    void run_timers(Clock::time_point now) {
        while (!timers_.empty() && timers_.begin()->first <= now) {
            const Resume resume = std::move(timers_.begin()->second.resume);
            timers_.erase(timers_.begin());
            resume();
        }
    }

    std::chrono::milliseconds stall_limit(const Transfer& transfer) const {
        return transfer.request.stall_timeout != 0ms ? transfer.request.stall_timeout
                                                     : options_.stall_timeout;
    }
    static std::chrono::milliseconds watch_interval(std::chrono::milliseconds limit) {
        return std::clamp<std::chrono::milliseconds>(limit / 8, 5ms, 1s);
    }

    /// Ends transfers that stand still, and those of a background that is over.
    void watch(Clock::time_point now) {
        if (now < watch_at_) return;
        watch_at_ = now + 1s;
        const std::vector<std::shared_ptr<Transfer>> all = active_;
        for (const auto& transfer : all) {
            const auto limit = stall_limit(*transfer);
            watch_at_ = std::min(watch_at_, now + watch_interval(limit));
            if (moves(*transfer)) transfer->moved_at = now;
            if (now - transfer->moved_at > limit) {
                const std::string text =
                    "no byte moved for " + std::to_string(limit.count()) + " ms";
                finish(*transfer, Failure::stalled, text.c_str());
            } else if (transfer->request.background && background_ended_ &&
                       now >= *background_ended_) {
                finish(*transfer, Failure::closed, "given up at the end");
            }
        }
    }

    /// Whether a transfer made progress since the last look, or waits for its reader.
    static bool moves(Transfer& transfer) {
        if (transfer.socket) return moves_by_itself(transfer);
        if (transfer.handle == nullptr) return false;
        curl_off_t up = 0;
        curl_off_t down = 0;
        long request = 0;
        long headers = 0;
        curl_easy_getinfo(transfer.handle, CURLINFO_SIZE_UPLOAD_T, &up);
        curl_easy_getinfo(transfer.handle, CURLINFO_SIZE_DOWNLOAD_T, &down);
        curl_easy_getinfo(transfer.handle, CURLINFO_REQUEST_SIZE, &request);
        curl_easy_getinfo(transfer.handle, CURLINFO_HEADER_SIZE, &headers);
        const curl_off_t moved = up + down + request + headers;
        if (std::exchange(transfer.moved, moved) != moved) return true;
        const std::lock_guard lock(transfer.mutex);
        return transfer.paused;
    }

    /// The same where the coroutine takes from the socket: it is what holds up what lies there.
    static bool moves_by_itself(Transfer& transfer) {
        const auto left = static_cast<curl_off_t>(transfer.socket_left.load());
        int waiting = 0;
        ::ioctl(transfer.socket.get(), FIONREAD, &waiting);
        return std::exchange(transfer.moved, left) != left || left == 0 || waiting > 0;
    }

    struct Timer {
        Resume resume;
        bool background;
    };

    const TransportOptions options_;
    CURLM* multi_ = nullptr;
    ChunkPool chunks_;
    std::vector<CURL*> idle_;
    std::vector<int> sockets_;  // that libcurl has open
    std::vector<std::shared_ptr<Transfer>> active_;
    std::multimap<Clock::time_point, Timer> timers_;
    Clock::time_point watch_at_ = Clock::time_point::max();
    std::optional<Clock::time_point> background_ended_;
    bool lingering_ = false;
    bool stopping_ = false;

    std::mutex mutex_;  // guards what follows
    std::vector<std::function<void()>> commands_;
    std::thread thread_;
};

namespace {

/// Waits until the transfer has what is wanted, or has ended.
awaitable<void> wait_for(Transfer& transfer, Awaited what) {
    auto start = [&transfer, what](Resume resume) {
        {
            const std::lock_guard lock(transfer.mutex);
            transfer.awaited = what;
            if (!transfer.is_ready(true)) {
                transfer.waiter = std::move(resume);
                return;
            }
        }
        resume();
    };
    co_await suspend(start);
}

}  // namespace

/// Keeps the caller's bytes from going away under the thread: when the coroutine is destroyed while
/// it waits, its transfer is ended first.
class Transport::Hold {
 public:
    Hold(Thread& thread, std::shared_ptr<Transfer> transfer)
        : thread_(thread), transfer_(std::move(transfer)) {}
    ~Hold() {
        std::unique_lock lock(transfer_->mutex);
        if (transfer_->has_ended) return;
        lock.unlock();
        thread_.cancel(transfer_);
        lock.lock();
        transfer_->ended.wait(lock, [this] { return transfer_->has_ended; });
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

 private:
    Thread& thread_;
    const std::shared_ptr<Transfer> transfer_;
};

Transport::Transport(TransportOptions options)
    : thread_(std::make_unique<Thread>(std::move(options))) {}
Transport::~Transport() = default;

awaitable<HttpAnswer> Transport::perform(HttpRequest& request) {
    const auto transfer = std::make_shared<Transfer>(std::move(request), false, thread_->chunks());
    thread_->start(transfer);
    const Hold hold(*thread_, transfer);
    co_await wait_for(*transfer, Awaited::end);
    co_return std::move(transfer->answer);
}

awaitable<HttpStream> Transport::open(HttpRequest& request) {
    const auto transfer = std::make_shared<Transfer>(std::move(request), true, thread_->chunks());
    thread_->start(transfer);
    auto body = std::make_unique<BodyStream>(*this, transfer);
    co_await wait_for(*transfer, Awaited::headers);
    HttpStream stream;
    bool streams = false;
    {
        const std::lock_guard lock(transfer->mutex);
        streams = transfer->has_headers && transfer->streams_now();
    }
    if (streams) {
        // Not the whole: how it ends is still being written.
        stream.answer.status = transfer->answer.status;
        stream.answer.headers = transfer->answer.headers;
        stream.answer.sends = transfer->answer.sends;
        stream.body = std::move(body);
    } else {
        stream.answer = std::move(transfer->answer);
    }
    co_return stream;
}

awaitable<void> Transport::pause(std::chrono::milliseconds duration, bool background) {
    auto start = [this, duration, background](Resume resume) {
        thread_->wake_after(duration, background, std::move(resume));
    };
    co_await suspend(start);
}

void Transport::end_background(Clock::time_point deadline) {
    thread_->end_background(deadline);
}

BodyStream::BodyStream(Transport& transport, std::shared_ptr<Transfer> transfer) noexcept
    : transport_(transport), transfer_(std::move(transfer)) {}

BodyStream::~BodyStream() {
    {
        const std::lock_guard lock(transfer_->mutex);
        transfer_->into = {};
        if (transfer_->has_ended) return;
    }
    transport_.thread_->cancel(transfer_);
}

/// Takes what is buffered, as much as fits.
std::size_t BodyStream::take_ready(std::span<std::byte> into) {
    std::size_t taken = 0;
    bool go_on = false;
    while (taken < into.size()) {
        Chunk chunk;
        {
            const std::lock_guard lock(transfer_->mutex);
            if (transfer_->chunks.empty()) break;
            chunk = std::move(transfer_->chunks.front());
            transfer_->chunks.pop_front();
            transfer_->buffered -= chunk.end - chunk.begin;
            if (transfer_->paused && transfer_->buffered < Transfer::go_on_below) {
                transfer_->paused = false;
                go_on = true;
            }
        }
        const std::size_t n = std::min(into.size() - taken, chunk.end - chunk.begin);
        std::memcpy(into.data() + taken, chunk.memory.get() + chunk.begin, n);
        taken += n;
        chunk.begin += n;
        if (chunk.begin == chunk.end) {
            transfer_->chunk_pool.give(std::move(chunk.memory));
        } else {
            const std::lock_guard lock(transfer_->mutex);
            transfer_->buffered += chunk.end - chunk.begin;
            transfer_->chunks.push_front(std::move(chunk));
        }
    }
    if (go_on) transport_.thread_->go_on(transfer_);
    return taken;
}

namespace {

/// Takes the reader's memory back, also when its coroutine is destroyed while it waits.
struct Lent {
    explicit Lent(Transfer& of) : transfer(of) {}
    ~Lent() {
        const std::lock_guard lock(transfer.mutex);
        transfer.into = {};
    }
    Lent(const Lent&) = delete;
    Lent& operator=(const Lent&) = delete;
    Transfer& transfer;
};

}  // namespace

awaitable<std::size_t> BodyStream::read(std::span<std::byte> into) {
    if (const std::size_t ready = take_ready(into); ready > 0 || into.empty()) co_return ready;
    if (transfer_->socket) {
        auto receive = [&](int socket, std::uint64_t left) {
            const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left));
            return ::recv(socket, into.data(), most, MSG_DONTWAIT);
        };
        co_return co_await take_from_socket(receive);
    }
    bool waits = false;
    {
        const std::lock_guard lock(transfer_->mutex);
        waits = transfer_->chunks.empty() && !transfer_->has_ended;
        if (waits) {
            transfer_->into = into;
            transfer_->filled = 0;
        }
    }
    if (!waits) co_return take_ready(into);
    const Lent lent(*transfer_);
    co_await wait_for(*transfer_, Awaited::bytes);
    // The thread has let go of it: it wakes a reader once.
    co_return std::exchange(transfer_->filled, 0);
}

awaitable<std::size_t> BodyStream::splice(int pipe, std::size_t most) {
    if (!asked_for_socket_ && may_leave_libcurl(*transfer_)) {
        asked_for_socket_ = true;
        auto start = [this](Resume resume) {
            transport_.thread_->take_socket(transfer_, std::move(resume));
        };
        co_await suspend(start);
    }
    if (!transfer_->socket || !is_empty()) co_return 0;
    auto move = [pipe, most](int socket, std::uint64_t left) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(most, left));
        return ::splice(socket, nullptr, pipe, nullptr, n, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    };
    co_return co_await take_from_socket(move);
}

bool BodyStream::is_empty() const {
    const std::lock_guard lock(transfer_->mutex);
    return transfer_->chunks.empty();
}

namespace {

/// Waits until a socket has bytes or has ended.
awaitable<void> wait_readable(int socket) {
    using Descriptor = boost::asio::posix::stream_descriptor;
    struct Borrowed {
        ~Borrowed() { descriptor.release(); }
        Descriptor descriptor;
    };
    const auto executor = co_await boost::asio::this_coro::executor;
    Borrowed borrowed{Descriptor(executor, socket)};
    co_await borrowed.descriptor.async_wait(Descriptor::wait_read,
                                            boost::asio::as_tuple(boost::asio::use_awaitable));
}

}  // namespace

/// Has `call` take some of the body from the socket, once there is some; 0 when no more comes.
template <class Call>
awaitable<std::size_t> BodyStream::take_from_socket(Call& call) {
    const int socket = transfer_->socket.get();
    while (const std::uint64_t left = transfer_->socket_left) {
        const ssize_t n = call(socket, left);
        if (n > 0) {
            transfer_->socket_left = left - static_cast<std::uint64_t>(n);
            co_return static_cast<std::size_t>(n);
        }
        const bool again = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (again) {
            co_await wait_readable(socket);
        } else if (n == 0 || errno != EINTR) {
            broken_ = true;
            break;
        }
    }
    co_return 0;
}

Failure BodyStream::failure() const {
    const std::lock_guard lock(transfer_->mutex);
    return broken_ && !transfer_->has_ended ? Failure::broken : transfer_->answer.failure;
}
const std::string& BodyStream::failure_text() const {
    static const std::string broke_off = "the connection ended before the body did";
    const std::lock_guard lock(transfer_->mutex);
    return broken_ && !transfer_->has_ended ? broke_off : transfer_->answer.failure_text;
}

}  // namespace pkgreg::s3
