// Implements client.hpp.
#include "client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <exception>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace pkgreg::bench {
namespace {

[[noreturn]] void fail_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

template <class Number>
Number parse_number(std::string_view text, const std::string& what, int base = 10) {
    Number value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || stop != end) {
        throw std::runtime_error(what + ": '" + std::string(text) + "' is not a number");
    }
    return value;
}

}  // namespace

Options::Options(int argc, char** argv, std::map<std::string, std::string> defaults)
    : values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
        const std::string_view name = argv[i];
        const auto option =
            values_.find(std::string(name.substr(std::min<std::size_t>(2, name.size()))));
        if (!name.starts_with("--") || option == values_.end() || i + 1 == argc) {
            throw std::runtime_error("'" + std::string(name) + "' is not an option with a value");
        }
        option->second = argv[i + 1];
    }
}

const std::string& Options::text(const std::string& name) const {
    const std::string& value = values_.at(name);
    if (value.empty()) throw std::runtime_error("--" + name + " must be given");
    return value;
}

std::uint64_t Options::number(const std::string& name) const {
    return parse_number<std::uint64_t>(text(name), "--" + name);
}

double Options::real(const std::string& name) const {
    const std::string& value = text(name);
    double number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || stop != value.data() + value.size()) {
        throw std::runtime_error("--" + name + ": '" + value + "' is not a number");
    }
    return number;
}

Url Url::parse(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    const std::string shown(text);
    if (!text.starts_with(scheme)) throw std::runtime_error("'" + shown + "' is not an http URL");
    text.remove_prefix(scheme.size());
    const std::size_t slash = std::min(text.find('/'), text.size());
    const std::string_view authority = text.substr(0, slash);
    const std::size_t colon = authority.find(':');
    if (colon == std::string_view::npos) throw std::runtime_error("'" + shown + "' has no port");
    Url url;
    url.host = authority.substr(0, colon);
    url.port = parse_number<std::uint16_t>(authority.substr(colon + 1), "port of '" + shown + "'");
    url.target = slash == text.size() ? "/" : std::string(text.substr(slash));
    return url;
}

Socket::Socket(const Url& url) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (fd_ < 0) fail_errno("socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(url.port);
    const int on = 1;
    if (::inet_pton(AF_INET, url.host.c_str(), &address.sin_addr) != 1) {
        ::close(fd_);
        throw std::runtime_error("'" + url.host + "' is not an IPv4 address");
    }
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        const int error = errno;
        ::close(fd_);
        errno = error;
        fail_errno("connect to " + url.authority());
    }
}

Socket::~Socket() {
    if (fd_ >= 0) ::close(fd_);
}

void Socket::send(std::string_view bytes, bool more) const {
    while (!bytes.empty()) {
        const ssize_t n =
            ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_errno("send");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void Socket::send_file(int file, std::uint64_t offset, std::uint64_t length) const {
    auto position = static_cast<off_t>(offset);
    while (length > 0) {
        const ssize_t n =
            ::sendfile(fd_, file, &position, std::min<std::uint64_t>(length, 1U << 30));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_errno("sendfile");
        if (n == 0) throw std::runtime_error("the file to send is shorter than its announced size");
        length -= static_cast<std::uint64_t>(n);
    }
}

void ResponseParser::reset(bool head) {
    state_ = State::head;
    head_only_ = head;
    status_ = 0;
    left_ = 0;
    body_bytes_ = 0;
    head_.clear();
    line_.clear();
    body_start_.clear();
}

std::size_t ResponseParser::feed(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && state_ != State::complete) {
        const std::string_view rest = bytes.substr(used);
        switch (state_) {
            case State::head: used += feed_head(rest); break;
            case State::body:
            case State::chunk: used += feed_body(rest); break;
            default: used += feed_line(rest); break;
        }
    }
    return used;
}

void ResponseParser::skip(std::uint64_t n) {
    body_bytes_ += n;
    left_ -= n;
    if (left_ == 0) state_ = State::complete;
}

std::size_t ResponseParser::feed_head(std::string_view bytes) {
    const std::size_t before = head_.size();
    // The end may lie across two pieces: look again at the last three bytes.
    const std::size_t from = before < 3 ? 0 : before - 3;
    head_.append(bytes);
    const std::size_t end = head_.find("\r\n\r\n", from);
    if (end == std::string::npos) return bytes.size();
    head_.resize(end + 4);
    end_of_head();
    return head_.size() - before;
}

void ResponseParser::end_of_head() {
    if (!head_.starts_with("HTTP/1.1 ") || head_.size() < 14) {
        throw std::runtime_error("the answer is not HTTP/1.1: '" + head_.substr(0, 40) + "'");
    }
    status_ = parse_number<unsigned>(std::string_view(head_).substr(9, 3), "status");
    const std::string_view length = field("content-length");
    if (status_ >= 100 && status_ < 200) {
        reset(head_only_);  // an interim response; the real one follows
    } else if (head_only_ || status_ == 204 || status_ == 304) {
        state_ = State::complete;
    } else if (!length.empty()) {
        left_ = parse_number<std::uint64_t>(length, "Content-Length");
        state_ = left_ == 0 ? State::complete : State::body;
    } else if (same_name(field("transfer-encoding"), "chunked")) {
        state_ = State::chunk_size;
    } else {
        throw std::runtime_error("the answer says neither its length nor that it is chunked");
    }
}

std::size_t ResponseParser::feed_line(std::string_view bytes) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
        line_.append(bytes);
        return bytes.size();
    }
    line_.append(bytes.substr(0, end));
    if (!line_.empty() && line_.back() == '\r') line_.pop_back();
    end_of_line();
    line_.clear();
    return end + 1;
}

void ResponseParser::end_of_line() {
    if (state_ == State::chunk_size) {
        const std::string_view size = std::string_view(line_).substr(0, line_.find(';'));
        left_ = parse_number<std::uint64_t>(size, "chunk size", 16);
        state_ = left_ == 0 ? State::trailer : State::chunk;
    } else if (state_ == State::chunk_end) {
        state_ = State::chunk_size;
    } else if (line_.empty()) {
        state_ = State::complete;
    }
}

std::size_t ResponseParser::feed_body(std::string_view bytes) {
    const std::size_t n = std::min<std::uint64_t>(bytes.size(), left_);
    if (body_start_.size() < 512)
        body_start_.append(bytes.substr(0, std::min<std::size_t>(n, 512)));
    body_bytes_ += n;
    left_ -= n;
    if (left_ == 0) state_ = state_ == State::chunk ? State::chunk_end : State::complete;
    return n;
}

std::string_view ResponseParser::field(std::string_view name) const noexcept {
    std::string_view rest = head_;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find("\r\n"), rest.size());
        const std::string_view line = rest.substr(0, end);
        if (line.size() > name.size() && line[name.size()] == ':' &&
            same_name(line.substr(0, name.size()), name)) {
            const std::size_t value = line.find_first_not_of(" \t", name.size() + 1);
            return value == std::string_view::npos ? std::string_view() : line.substr(value);
        }
        rest.remove_prefix(std::min(end + 2, rest.size()));
    }
    return {};
}

void Connection::send_head(std::string_view method, std::string_view target,
                           std::string_view fields, bool more) {
    last_request_ = std::string(method) + " " + std::string(target);
    std::string head = last_request_ + " HTTP/1.1\r\nHost: " + authority_ + "\r\n";
    head.append(fields).append("\r\n");
    socket_.send(head, more);
}

const ResponseParser& Connection::receive(unsigned expected, bool head) {
    // The kernel drops what is read with MSG_TRUNC, so the length is not that of any memory.
    constexpr std::size_t discard = std::size_t{4} << 20;
    char buffer[16 << 10];
    parser_.reset(head);
    while (!parser_.complete()) {
        const std::uint64_t left = parser_.status() == expected ? parser_.body_left() : 0;
        const ssize_t n =
            left > sizeof buffer
                ? ::recv(socket_.fd(), nullptr, std::min<std::uint64_t>(left, discard), MSG_TRUNC)
                : ::recv(socket_.fd(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail_errno("receive the answer to " + last_request_);
        if (n == 0)
            throw std::runtime_error("closed before the end of the answer to " + last_request_);
        if (left > sizeof buffer) {
            parser_.skip(static_cast<std::uint64_t>(n));
        } else {
            parser_.feed(std::string_view(buffer, static_cast<std::size_t>(n)));
        }
    }
    if (parser_.status() != expected) {
        throw std::runtime_error(last_request_ + ": " + std::to_string(parser_.status()) +
                                 " instead of " + std::to_string(expected) + ": " +
                                 parser_.body_start());
    }
    return parser_;
}

std::string target_of_location(std::string_view location) {
    const std::size_t scheme = location.find("://");
    if (scheme == std::string_view::npos) return std::string(location);
    const std::size_t slash = location.find('/', scheme + 3);
    return slash == std::string_view::npos ? "/" : std::string(location.substr(slash));
}

std::string with_query(std::string target, std::string_view parameter) {
    target.push_back(target.find('?') == std::string::npos ? '?' : '&');
    target.append(parameter);
    return target;
}

double now() {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double cpu_seconds() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

int run(int (*program)(int, char**), int argc, char** argv) {
    try {
        return program(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
        return 1;
    }
}

}  // namespace pkgreg::bench
