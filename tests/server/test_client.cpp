#include "server/test_client.hpp"

#include "pkgreg/http.hpp"

#include <array>
#include <cstring>
#include <fstream>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace pkgreg::test {
namespace {

int connect_unix(const std::string& path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    ::close(fd);
    return -1;
}

int connect_tcp(const std::string& url) {
    const std::size_t colon = url.rfind(':');
    std::string host = url.substr(7, colon - 7);
    if (host.front() == '[') host = host.substr(1, host.size() - 2);
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (::getaddrinfo(host.c_str(), url.substr(colon + 1).c_str(), &hints, &found) != 0) return -1;
    int fd = -1;
    for (const addrinfo* info = found; info != nullptr && fd < 0; info = info->ai_next) {
        fd = ::socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (::connect(fd, info->ai_addr, info->ai_addrlen) == 0) break;
        ::close(fd);
        fd = -1;
    }
    ::freeaddrinfo(found);
    const int on = 1;
    if (fd >= 0) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

int connect_to(const std::string& url) {
    return url.starts_with("unix:") ? connect_unix(url.substr(5)) : connect_tcp(url);
}

}  // namespace

std::optional<std::string> Answer::field(std::string_view name) const {
    std::size_t at = head.find("\r\n");
    while (at != std::string::npos && at + 2 < head.size()) {
        const std::size_t start = at + 2;
        at = head.find("\r\n", start);
        const std::string_view line = std::string_view(head).substr(start, at - start);
        const std::size_t colon = line.find(": ");
        if (colon == line.npos) continue;
        if (same_field_name(line.substr(0, colon), name))
            return std::string(line.substr(colon + 2));
    }
    return std::nullopt;
}

TestClient::TestClient(const std::string& url, std::chrono::milliseconds patience)
    : fd_(connect_to(url)) {
    if (fd_ < 0) throw std::runtime_error("cannot connect to " + url);
    timeval limit{};
    limit.tv_sec = patience.count() / 1000;
    limit.tv_usec = patience.count() % 1000 * 1000;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

TestClient::~TestClient() {
    close();
}

TestClient::TestClient(TestClient&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), buffer_(std::move(other.buffer_)) {}

bool TestClient::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool TestClient::receive_more() {
    std::array<char, 64 << 10> block;
    const ssize_t n = ::recv(fd_, block.data(), block.size(), 0);
    if (n <= 0) return false;
    buffer_.append(block.data(), static_cast<std::size_t>(n));
    return true;
}

std::string TestClient::read(std::size_t n) {
    while (buffer_.size() < n && receive_more()) {
    }
    std::string taken = buffer_.substr(0, n);
    buffer_.erase(0, taken.size());
    return taken;
}

std::string TestClient::read_head() {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
        if (!receive_more()) return {};
    }
    return read(end + 4);
}

Answer TestClient::read_answer(bool head_only) {
    Answer answer;
    answer.head = read_head();
    if (answer.head.size() < 12) return answer;
    answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
    const auto length = answer.field("Content-Length");
    if (length && !head_only) answer.body = read(std::stoull(*length));
    return answer;
}

Answer TestClient::ask(std::string_view request) {
    send(request);
    return read_answer();
}

std::uint64_t TestClient::read_to_end() {
    std::uint64_t count = buffer_.size();
    buffer_.clear();
    while (receive_more()) {
        count += buffer_.size();
        buffer_.clear();
    }
    return count;
}

bool TestClient::is_closed() {
    while (true) {
        std::array<char, 4096> block;
        const ssize_t n = ::recv(fd_, block.data(), block.size(), 0);
        if (n > 0) continue;
        return n == 0 || errno == ECONNRESET;
    }
}

bool TestClient::is_silent(std::chrono::milliseconds time) {
    if (!buffer_.empty()) return false;
    pollfd poll{fd_, POLLIN, 0};
    return ::poll(&poll, 1, static_cast<int>(time.count())) == 0;
}

void TestClient::finish_sending() {
    ::shutdown(fd_, SHUT_WR);
}

void TestClient::reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

void TestClient::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool can_connect(const std::string& url) {
    const int fd = connect_to(url);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

std::string port_of(const std::string& url) {
    return url.substr(url.rfind(':') + 1);
}

std::size_t resident_memory() {
    std::ifstream file("/proc/self/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    file >> total >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace pkgreg::test
