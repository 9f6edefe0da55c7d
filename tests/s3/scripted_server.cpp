#include "s3/scripted_server.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pkgreg::s3 {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

}  // namespace

std::string Received::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

Reply reply(int status, std::string_view body, std::string_view headers) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " Text\r\n";
    text.append(headers);
    if (headers.find("Content-Length") == std::string_view::npos) {
        text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    }
    text.append("\r\n").append(body);
    return {std::move(text)};
}

Reply large_reply(std::uint64_t size) {
    Reply large = reply(200, "", "Content-Length: " + std::to_string(size) + "\r\n");
    large.filler = size;
    return large;
}

Reply error_reply(int status, std::string_view code, std::string_view more,
                  std::string_view headers) {
    std::string body = "<?xml version=\"1.0\"?><Error><Code>";
    body.append(code).append("</Code><Message></Message>").append(more);
    body += "<RequestId>tx-in-the-body</RequestId></Error>";
    return reply(status, body, headers);
}

ScriptedServer::ScriptedServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    end_ = ::eventfd(0, EFD_CLOEXEC);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw std::runtime_error("cannot listen");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
    const std::uint64_t one = 1;
    if (::write(end_, &one, sizeof one) != sizeof one) std::abort();
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
    ::close(end_);
}

std::string ScriptedServer::url() const {
    return "http://127.0.0.1:" + std::to_string(port_);
}

std::vector<Received> ScriptedServer::received() const {
    const std::lock_guard lock(mutex_);
    return received_;
}

void ScriptedServer::accept_all() {
    while (true) {
        pollfd both[] = {{listener_, POLLIN, 0}, {end_, POLLIN, 0}};
        if (::poll(both, 2, -1) < 0 && errno != EINTR) return;
        if (both[1].revents != 0) return;
        if (both[0].revents == 0) continue;
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket < 0) continue;
        ++connections_;
        threads_.emplace_back([this, socket] { serve(socket); });
    }
}

void ScriptedServer::serve(int socket) {
    std::string buffer;
    while (true) {
        Received request;
        if (!read_request(socket, buffer, request)) break;
        {
            const std::lock_guard lock(mutex_);
            request.number = ++requests_;
            received_.push_back(request);
        }
        const Reply reply = script_(request);
        if (!send_all(socket, reply.text) || !send_filler(socket, reply.filler)) break;
        if (reply.then == Then::stall) wait_for_the_end(socket);
        if (reply.then == Then::reset) {
            const linger now{1, 0};
            ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        }
        if (reply.then != Then::keep) break;
    }
    ::close(socket);
}

void ScriptedServer::wait_for_the_end(int socket) const {
    pollfd both[] = {{socket, POLLIN | POLLRDHUP, 0}, {end_, POLLIN, 0}};
    ::poll(both, 2, -1);
}

bool ScriptedServer::read_request(int socket, std::string& buffer, Received& request) const {
    std::size_t head = std::string::npos;
    std::size_t body = 0;
    while (true) {
        if (head == std::string::npos) {
            head = buffer.find("\r\n\r\n");
            if (head != std::string::npos) {
                std::size_t at = buffer.find("\r\n");
                const std::string line = buffer.substr(0, at);
                request.method = line.substr(0, line.find(' '));
                request.target = line.substr(line.find(' ') + 1);
                request.target.resize(request.target.find(' '));
                while (at < head) {
                    const std::size_t end = buffer.find("\r\n", at + 2);
                    const std::string field = buffer.substr(at + 2, end - at - 2);
                    const std::size_t colon = field.find(':');
                    request.headers.emplace_back(lower(field.substr(0, colon)),
                                                 field.substr(colon + 2));
                    at = end;
                }
                body = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
                head += 4;
            }
        }
        if (head != std::string::npos && buffer.size() >= head + body) break;
        pollfd both[] = {{socket, POLLIN, 0}, {end_, POLLIN, 0}};
        if (::poll(both, 2, -1) < 0 || both[1].revents != 0) return false;
        char bytes[65536];
        const ssize_t n = ::recv(socket, bytes, sizeof bytes, 0);
        if (n <= 0) return false;
        buffer.append(bytes, static_cast<std::size_t>(n));
    }
    request.body = buffer.substr(head, body);
    buffer.erase(0, head + body);
    return true;
}

bool ScriptedServer::send_filler(int socket, std::uint64_t size) {
    const std::string block(65'536, 'x');
    for (; size > 0; size -= std::min<std::uint64_t>(size, block.size())) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, block.size()));
        if (!send_all(socket, std::string_view(block).substr(0, n))) return false;
    }
    return true;
}

bool ScriptedServer::send_all(int socket, std::string_view text) {
    while (!text.empty()) {
        pollfd both[] = {{socket, POLLOUT, 0}, {end_, POLLIN, 0}};
        if (::poll(both, 2, -1) < 0 || both[1].revents != 0) return false;
        const ssize_t n = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n <= 0) return false;
        sent_ += static_cast<std::uint64_t>(n);
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace pkgreg::s3
