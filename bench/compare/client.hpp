// What the load clients of the comparison share: a URL, a socket, a parser of HTTP responses that
// costs next to nothing, clocks and options. They are written here rather than taken from a library
// so that the client is never what limits a measurement, and does the same work for every server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace pkgreg::bench {

/// Options of the form `--name value`. Throws for what it was not told of.
class Options {
 public:
    /// @param defaults every option there is, with its default; an empty one must be given when it
    ///                 is asked for
    Options(int argc, char** argv, std::map<std::string, std::string> defaults);

    const std::string& text(const std::string& name) const;
    std::uint64_t number(const std::string& name) const;
    double real(const std::string& name) const;
    bool given(const std::string& name) const { return !values_.at(name).empty(); }

 private:
    std::map<std::string, std::string> values_;
};

/// The parts of `http://HOST:PORT/TARGET`; the host is an IPv4 address.
struct Url {
    std::string host;
    std::uint16_t port = 0;
    std::string target;

    static Url parse(std::string_view text);
    std::string authority() const { return host + ":" + std::to_string(port); }
};

/// A TCP connection. Sends whole pieces, with Nagle's algorithm off.
class Socket {
 public:
    explicit Socket(const Url& url);
    ~Socket();
    Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    Socket& operator=(Socket&&) = delete;

    int fd() const noexcept { return fd_; }
    /// @param more whether other bytes follow at once, so that the kernel may join them
    void send(std::string_view bytes, bool more = false) const;
    /// Sends `length` bytes of the file from `offset` on, without reading them into this process.
    void send_file(int file, std::uint64_t offset, std::uint64_t length) const;

 private:
    int fd_;
};

/// Reads one response after another out of the bytes of a connection: bodies by length and chunked.
class ResponseParser {
 public:
    /// Prepares for the next response.
    /// @param head whether it answers HEAD, and so has no body whatever its fields say
    void reset(bool head);
    /// Takes what belongs to the response; returns how many bytes that was.
    std::size_t feed(std::string_view bytes);
    /// Counts `n` bytes of the body that were dropped unread; not for chunked bodies.
    void skip(std::uint64_t n);

    bool complete() const noexcept { return state_ == State::complete; }
    unsigned status() const noexcept { return status_; }
    /// What is left of a body of known length; 0 when none is being read.
    std::uint64_t body_left() const noexcept { return state_ == State::body ? left_ : 0; }
    std::uint64_t body_bytes() const noexcept { return body_bytes_; }
    /// The value of a field of the response's head, or an empty text.
    std::string_view field(std::string_view name) const noexcept;
    /// The first bytes of the body, for error messages.
    const std::string& body_start() const noexcept { return body_start_; }

 private:
    enum class State { head, body, chunk_size, chunk, chunk_end, trailer, complete };

    std::size_t feed_head(std::string_view bytes);
    std::size_t feed_line(std::string_view bytes);
    std::size_t feed_body(std::string_view bytes);
    void end_of_head();
    void end_of_line();

    State state_ = State::head;
    bool head_only_ = false;
    unsigned status_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t body_bytes_ = 0;
    std::string head_;
    std::string line_;
    std::string body_start_;
};

/// One request and its response at a time over a connection that blocks.
class Connection {
 public:
    explicit Connection(const Url& url) : socket_(url), authority_(url.authority()) {}

    const Socket& socket() const noexcept { return socket_; }
    /// Sends request line and fields; `fields` are whole lines ended by CRLF.
    /// @param more whether a body follows at once
    void send_head(std::string_view method, std::string_view target, std::string_view fields,
                   bool more);
    /// Reads the response; its body is dropped by the kernel where the length is known. Throws when
    /// the status is not `expected`.
    const ResponseParser& receive(unsigned expected, bool head = false);

 private:
    Socket socket_;
    std::string authority_;
    std::string last_request_;
    ResponseParser parser_;
};

/// The path and query of a `Location`, which may be a whole URL.
std::string target_of_location(std::string_view location);
/// Adds a parameter to a target that may have others already.
std::string with_query(std::string target, std::string_view parameter);

/// Seconds of the monotonic clock.
double now();
/// Seconds of processor time that this process used, all threads.
double cpu_seconds();

/// Runs `program`, and tells what went wrong on standard error; the value is for `main`.
int run(int (*program)(int, char**), int argc, char** argv);

}  // namespace pkgreg::bench
