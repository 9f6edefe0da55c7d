#include "server/response_writer.hpp"

#include "pkgreg/error.hpp"

#include "base/suspend.hpp"
#include "base/unique_fd.hpp"
#include "server/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <linux/magic.h>
#include <memory>
#include <string>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace pkgreg {
namespace {

// One call of sendfile. Large enough that calls cost nothing, small enough that one connection does
// not hold the loop for long.
constexpr std::uint64_t file_chunk = std::uint64_t{4} << 20;
// What a reader without a file gives at a time; it fits the cache of a core.
constexpr std::size_t copy_buffer = std::size_t{256} << 10;
constexpr std::size_t pipe_size = std::size_t{256} << 10;
// A body for which a pipe's two descriptors are worth it.
constexpr std::uint64_t least_for_pipe = std::uint64_t{4} << 20;

std::string_view reason_phrase(unsigned status) noexcept {
    switch (status) {
        case 200: return "OK";
        case 201: return "Created";
        case 202: return "Accepted";
        case 204: return "No Content";
        case 206: return "Partial Content";
        case 301: return "Moved Permanently";
        case 302: return "Found";
        case 303: return "See Other";
        case 304: return "Not Modified";
        case 307: return "Temporary Redirect";
        case 308: return "Permanent Redirect";
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 406: return "Not Acceptable";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 410: return "Gone";
        case 411: return "Length Required";
        case 412: return "Precondition Failed";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 415: return "Unsupported Media Type";
        case 416: return "Range Not Satisfiable";
        case 417: return "Expectation Failed";
        case 422: return "Unprocessable Content";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        case 507: return "Insufficient Storage";
        default: return "Status";  // the phrase means nothing, but must be there for some clients
    }
}

ErrorCode error_code(unsigned status) noexcept {
    switch (status) {
        case 408: return ErrorCode::timeout;
        case 413:
        case 414:
        case 431: return ErrorCode::too_large;
        case 417:
        case 501:
        case 505: return ErrorCode::unsupported;
        case 500: return ErrorCode::internal;
        case 503: return ErrorCode::unavailable;
        default: return ErrorCode::malformed;
    }
}

/// The lines in front of the response's own fields.
class FirstLines {
 public:
    FirstLines(const HttpResponse& response, const ResponseContext& context,
               std::string_view date) noexcept {
        const unsigned status = response.status();
        add("HTTP/1.1 ");
        add_number(status);
        add(" ");
        add(reason_phrase(status));
        add("\r\nDate: ");
        add(date);
        // RFC 9110, 8.6: no length where the status says that there is no content.
        if (status >= 200 && status != 204 && status != 304) {
            add("\r\nContent-Length: ");
            add_number(response.content_length());
        }
        if (!context.keep_alive) {
            add("\r\nConnection: close");
        } else if (!context.http_1_1) {
            add("\r\nConnection: keep-alive");
        }
        if (!context.request_id.empty()) {
            add("\r\nX-Request-Id: ");
            add(context.request_id.substr(0, 64));
        }
        add("\r\n");
    }

    iovec vector() noexcept { return {text_.data(), size_}; }

 private:
    void add(std::string_view text) noexcept {
        std::memcpy(text_.data() + size_, text.data(), text.size());
        size_ += text.size();
    }
    void add_number(std::uint64_t number) noexcept {
        const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number);
        size_ = static_cast<std::size_t>(end.ptr - text_.data());
    }

    std::array<char, 320> text_;  // some 270 at most
    std::size_t size_ = 0;
};

iovec vector_of(std::string_view text) noexcept {
    return {const_cast<char*>(text.data()), text.size()};
}

/// Whether a file's file system has no disk below it.
bool lies_in_memory(int fd) noexcept {
    struct statfs info {};
    if (::fstatfs(fd, &info) != 0) return false;
    return info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

/// Whether a byte can be read without the disk.
bool is_cached(int fd, std::uint64_t offset) noexcept {
    char byte;
    const iovec vector{&byte, 1};
    const ssize_t n = ::preadv2(fd, &vector, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    // Some file systems cannot tell, tmpfs among them; of the others the worst is assumed.
    return n >= 0 || (errno == EOPNOTSUPP && lies_in_memory(fd));
}

/// Reads a part of a file into the page cache, and lets the system begin with what comes next.
void bring_in(int fd, std::uint64_t offset, std::uint64_t length) noexcept {
    ::readahead(fd, static_cast<off64_t>(offset), 2 * length);
    // One byte of each stretch: that waits for the stretch without copying it.
    constexpr std::uint64_t stretch = 32 << 10;
    const std::uint64_t end = offset + length;
    while (offset < end) {
        char byte;
        if (::pread(fd, &byte, 1, static_cast<off_t>(offset)) <= 0) return;
        offset = offset + 1 == end ? end : std::min(offset + stretch, end - 1);
    }
}

/// Full packets only, from the head to the last byte.
class Corked {
 public:
    explicit Corked(Channel& channel) noexcept : channel_(channel) { channel_.cork(true); }
    ~Corked() { channel_.cork(false); }
    Corked(const Corked&) = delete;
    Corked& operator=(const Corked&) = delete;

 private:
    Channel& channel_;
};

/// Through which bytes go from socket to socket without being copied. Without descriptors it stays
/// closed, and they are copied.
struct Pipe {
    void open() noexcept {
        int ends[2];
        if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return;
        from = UniqueFd(ends[0]);
        to = UniqueFd(ends[1]);
        // Where the system refuses, it takes less at a time.
        ::fcntl(to.get(), F_SETPIPE_SZ, static_cast<int>(pipe_size));
    }

    UniqueFd from;
    UniqueFd to;
    std::size_t filled = 0;
};

/// Sends one response; holds what its parts have in common.
class Sending {
 public:
    Sending(Channel& channel, WorkPool& pool) noexcept : channel_(channel), pool_(pool) {}

    /// Head and content that lie in memory, in as few calls as can be.
    awaitable<SendResult> send(std::span<iovec> head, std::string_view content) {
        head.back() = vector_of(content);
        std::size_t before = 0;
        for (const iovec& vector : head) before += vector.iov_len;
        before -= content.size();
        const std::size_t sent = co_await channel_.send_all(head, false, Waiting::response);
        co_return SendResult{sent > before ? sent - before : 0, sent == before + content.size()};
    }

    awaitable<SendResult> send_file(std::span<iovec> head, FileRegion region) {
        SendResult result;
        const Corked corked(channel_);
        const bool head_sent = co_await send_head(head);
        if (!head_sent) co_return result;
        std::uint64_t known_end = region.offset;
        const std::uint64_t end = region.offset + region.length;
        for (std::uint64_t at = region.offset; at < end; at = region.offset + result.body_bytes) {
            if (at == known_end) {
                known_end = std::min(at + file_chunk, end);
                co_await make_cached(region.fd, at, known_end - at);
            }
            const auto wanted = static_cast<std::size_t>(known_end - at);
            const IoResult sent = channel_.send_file(region.fd, at, wanted);
            result.body_bytes += sent.bytes;
            if (sent.status == IoStatus::end) result.failure = "the file became shorter";
            if (sent.status == IoStatus::end || sent.status == IoStatus::failed) co_return result;
            if (sent.bytes < wanted) {
                const bool ready = co_await channel_.wait_writable(Waiting::response);
                if (!ready) co_return result;
            } else {
                co_await channel_.give_way();
            }
        }
        result.complete = true;
        co_return result;
    }

    /// From a reader that has neither file nor memory. `first` bytes lie in `buffer` already.
    awaitable<SendResult> send_reader(std::span<iovec> head, ObjectReader& reader,
                                      std::span<std::byte> buffer, std::size_t first,
                                      std::uint64_t length) {
        SendResult result;
        const bool head_sent = co_await send_head(head);
        if (!head_sent) co_return result;
        std::size_t filled = first;
        Pipe pipe;
        if (channel_.sends_pipes() && length >= least_for_pipe) pipe.open();
        while (true) {
            const std::uint64_t left = length - result.body_bytes;
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(filled, left));
            std::size_t sent = 0;
            if (pipe.filled > 0) {
                sent = co_await send_pipe(pipe);
            } else {
                iovec vector{buffer.data(), n};
                sent = co_await channel_.send_all(std::span(&vector, 1), false, Waiting::response);
            }
            result.body_bytes += sent;
            if (sent != n) co_return result;
            if (result.body_bytes == length) break;
            co_await channel_.give_way();
            try {
                filled = co_await fill(reader, pipe, buffer, length - result.body_bytes);
                if (filled == 0) result.failure = "the object ended early";
            } catch (const std::exception& error) {
                result.failure = error.what();
            }
            if (!result.failure.empty()) co_return result;
        }
        result.complete = true;
        co_return result;
    }

 private:
    /// The next bytes of a reader, in the pipe where that can be, else in the buffer.
    static awaitable<std::size_t> fill(ObjectReader& reader, Pipe& pipe,
                                       std::span<std::byte> buffer, std::uint64_t left) {
        if (pipe.to) {
            const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(pipe_size, left));
            pipe.filled = co_await reader.splice(pipe.to.get(), most);
            if (pipe.filled > 0) co_return pipe.filled;
        }
        co_return co_await reader.read(buffer);
    }

    /// Sends what is in a pipe; how much of it was sent.
    awaitable<std::size_t> send_pipe(Pipe& pipe) {
        std::size_t sent = 0;
        while (true) {
            const IoResult result = channel_.send_pipe(pipe.from.get(), pipe.filled);
            sent += result.bytes;
            pipe.filled -= result.bytes;
            if (pipe.filled == 0 || result.status == IoStatus::failed) co_return sent;
            const bool ready = co_await channel_.wait_writable(Waiting::response);
            if (!ready) co_return sent;
        }
    }

    awaitable<bool> send_head(std::span<iovec> head) {
        std::size_t size = 0;
        for (const iovec& vector : head) size += vector.iov_len;
        const std::size_t sent = co_await channel_.send_all(head, true, Waiting::response);
        co_return sent == size;
    }

    awaitable<void> make_cached(int fd, std::uint64_t offset, std::uint64_t length) {
        if (is_cached(fd, offset) && is_cached(fd, offset + length - 1)) co_return;
        auto work = [fd, offset, length] { bring_in(fd, offset, length); };
        co_await offload(pool_, work);
    }

    Channel& channel_;
    WorkPool& pool_;
};

}  // namespace

awaitable<SendResult> send_response(Channel& channel, HttpResponse& response,
                                    ResponseContext context, WorkPool& pool) {
    Sending sending(channel, pool);
    ObjectReader* reader = response.body().reader();
    std::string_view content = response.body().bytes();
    const unsigned status = response.status();
    const bool bodiless =
        context.method == HttpMethod::head || status < 200 || status == 204 || status == 304;
    if (bodiless) {
        reader = nullptr;
        content = {};
    } else if (reader != nullptr) {
        if (const auto memory = reader->memory()) {
            content = {reinterpret_cast<const char*>(memory->data()), memory->size()};
            reader = nullptr;
        }
    }
    const std::uint64_t length = reader != nullptr ? response.body().length() : 0;
    const auto region = reader != nullptr ? reader->file() : std::nullopt;

    // A reader's first bytes are read before the head is sent: an error can still become an answer.
    std::unique_ptr<std::byte[]> buffer;
    std::size_t first = 0;
    if (length != 0 && !region) {
        buffer.reset(new std::byte[copy_buffer]);
        first = co_await reader->read({buffer.get(), copy_buffer});
        if (first == 0) throw Error(ErrorCode::io, "the object ended early");
    }
    FirstLines lines(response, context, channel.loop().date());
    std::array<iovec, 4> head{lines.vector(), vector_of(response.fields()), vector_of("\r\n"),
                              iovec{}};
    if (length == 0) co_return co_await sending.send(head, content);
    if (region) co_return co_await sending.send_file(head, *region);
    co_return co_await sending.send_reader(head, *reader, {buffer.get(), copy_buffer}, first,
                                           length);
}

HttpResponse error_response(unsigned status, std::string_view message) {
    std::string body = R"({"errors":[{"code":")";
    body.append(to_string(error_code(status))).append(R"(","message":")");
    body.append(message).append("\"}]}");
    HttpResponse response(status);
    response.header("Content-Type", "application/json");
    response.set_body(ResponseBody(std::move(body)));
    return response;
}

}  // namespace pkgreg
