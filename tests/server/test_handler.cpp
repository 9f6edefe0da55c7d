#include "server/test_handler.hpp"

#include "pkgreg/error.hpp"

#include "base/suspend.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <unistd.h>

namespace pkgreg::test {
namespace {

enum class Kind { file, memory, read, pipe, fails_halfway, fails };

class PatternReader final : public ObjectReader {
 public:
    PatternReader(Kind kind, std::uint64_t length) : kind_(kind), length_(length) {
        if (kind == Kind::memory) text_ = pattern(length);
        if (kind == Kind::file) make_file();
    }
    ~PatternReader() override {
        if (fd_ >= 0) ::close(fd_);
    }

    std::uint64_t object_size() const noexcept override { return length_; }
    std::optional<ByteInterval> interval() const noexcept override {
        return ByteInterval{0, length_};
    }
    awaitable<std::size_t> read(std::span<std::byte> into) override {
        const bool whole = kind_ == Kind::read || kind_ == Kind::pipe;
        const std::uint64_t end = whole ? length_ : kind_ == Kind::fails_halfway ? length_ / 2 : 0;
        if (place_ >= end && !whole) throw Error(ErrorCode::io, "the disk is broken");
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), end - place_));
        for (std::size_t i = 0; i < n; ++i) into[i] = static_cast<std::byte>(byte_at(place_ + i));
        place_ += n;
        co_return n;
    }
    /// Any number of bytes, and now and then none, so that both ways are gone.
    awaitable<std::size_t> splice(int pipe, std::size_t most) override {
        if (kind_ != Kind::pipe || ++splices_ % 3 == 0) co_return 0;
        const auto left = static_cast<std::size_t>(std::min<std::uint64_t>(most, length_ - place_));
        std::string bytes(std::min<std::size_t>(left, 50'000), '\0');
        for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(place_ + i);
        const ssize_t n = ::write(pipe, bytes.data(), bytes.size());
        if (n < 0) throw Error(ErrorCode::io, "the pipe is not empty");
        place_ += static_cast<std::uint64_t>(n);
        co_return static_cast<std::size_t>(n);
    }
    std::optional<FileRegion> file() const noexcept override {
        if (kind_ != Kind::file) return std::nullopt;
        return FileRegion{fd_, 0, length_};
    }
    std::optional<std::span<const std::byte>> memory() const noexcept override {
        if (kind_ != Kind::memory) return std::nullopt;
        return std::as_bytes(std::span(text_));
    }

 private:
    void make_file() {
        char name[] = "/tmp/pkgreg-server-test-XXXXXX";
        fd_ = ::mkstemp(name);
        ::unlink(name);
        constexpr std::size_t step = 23 * 4096;
        const std::string piece = pattern(step);
        for (std::uint64_t at = 0; at < length_; at += step) {
            const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(step, length_ - at));
            if (::write(fd_, piece.data(), n) != static_cast<ssize_t>(n)) {
                throw Error(ErrorCode::io, "cannot write the test's file");
            }
        }
    }

    Kind kind_;
    std::uint64_t length_;
    std::uint64_t place_ = 0;
    unsigned splices_ = 0;
    std::string text_;
    int fd_ = -1;
};

HttpResponse text(std::string body, unsigned status = 200) {
    HttpResponse response(status);
    response.header("Content-Type", "text/plain");
    response.set_body(ResponseBody(std::move(body)));
    return response;
}

HttpResponse sized(const HttpRequest& request) {
    const std::size_t slash = request.target.rfind('/');
    const std::string_view kind = request.target.substr(1, slash - 1);
    const std::uint64_t length = std::stoull(std::string(request.target.substr(slash + 1)));
    if (request.method == HttpMethod::head) {
        HttpResponse response;
        response.set_head_length(length);
        return response;
    }
    HttpResponse response;
    if (kind == "memory") {
        const auto bytes = std::make_shared<const std::string>(pattern(length));
        response.set_body(ResponseBody(bytes, *bytes));
        return response;
    }
    const Kind reader = kind == "file"     ? Kind::file
                        : kind == "shared" ? Kind::memory
                        : kind == "pipe"   ? Kind::pipe
                        : kind == "short"  ? Kind::fails_halfway
                                           : Kind::read;
    response.set_body(ResponseBody(std::make_unique<PatternReader>(reader, length)));
    return response;
}

}  // namespace

std::string pattern(std::size_t length) {
    std::string text(length, '\0');
    for (std::size_t i = 0; i < length; ++i) text[i] = byte_at(i);
    return text;
}

ServerOptions test_options() {
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.threads = 2;
    return options;
}

awaitable<HttpResponse> TestHandler::handle(const HttpRequest& request) {
    const std::string_view target = request.target;
    if (target == "/hello") co_return text("hello");
    if (target == "/about") {
        co_return text(std::to_string(static_cast<int>(request.method)) + "\n" +
                       std::string(target) + "\n" + std::string(request.client) + "\n" +
                       std::string(request.id));
    }
    if (target == "/echo" || target == "/count") co_return co_await take_body(request, false);
    if (target == "/wait") co_return co_await take_body(request, true);
    if (target == "/ignore") co_return text("ignored", 403);
    if (target == "/first") {
        std::string piece(4096, '\0');
        const std::size_t n = co_await request.body->read(std::as_writable_bytes(std::span(piece)));
        co_return text(std::to_string(n), 403);
    }
    if (target == "/slow") co_return co_await take_slowly(request);
    if (target == "/pause") {
        co_await pause();
        co_return text("paused");
    }
    if (target == "/block") {
        block();
        co_return text("blocked");
    }
    if (target == "/empty") co_return HttpResponse(204);
    if (target == "/same") co_return HttpResponse(304);
    if (target == "/unreadable") {
        HttpResponse response;
        response.set_body(ResponseBody(std::make_unique<PatternReader>(Kind::fails, 100)));
        co_return response;
    }
    if (target == "/throw") throw std::runtime_error("a defect");
    if (target.rfind('/') != 0 && target.size() > 1) co_return sized(request);
    co_return text("no such thing", 404);
}

awaitable<HttpResponse> TestHandler::take_body(const HttpRequest& request, bool wait) {
    std::string all;
    std::uint64_t count = 0;
    std::vector<std::byte> piece(std::size_t{256} << 10);
    std::optional<Error> failure;
    try {
        while (request.body != nullptr) {
            if (wait) co_await request.body->wait();
            const std::size_t n = co_await request.body->read(piece);
            if (n == 0) break;
            largest_read = std::max(largest_read.load(), n);
            count += n;
            if (request.target == "/echo") {
                all.append(reinterpret_cast<const char*>(piece.data()), n);
            }
        }
    } catch (const Error& error) {
        failure = error;
    }
    if (failure) {
        const unsigned status = failure->code() == ErrorCode::timeout     ? 408
                                : failure->code() == ErrorCode::too_large ? 413
                                                                          : 400;
        co_return text(std::string(to_string(failure->code())), status);
    }
    co_return text(request.target == "/echo" ? std::move(all) : std::to_string(count));
}

awaitable<HttpResponse> TestHandler::take_slowly(const HttpRequest& request) {
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor);
    std::vector<std::byte> piece(std::size_t{64} << 10);
    while (true) {
        const std::size_t n = co_await request.body->read(piece);
        if (n == 0) break;
        slow_bytes += n;
        timer.expires_after(std::chrono::milliseconds(2));
        co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return text(std::to_string(slow_bytes.load()));
}

awaitable<void> TestHandler::pause() {
    auto start = [this](Resume resume) {
        const std::lock_guard lock(mutex_);
        if (released_) return resume();
        waiting_.push_back(std::move(resume));
    };
    co_await suspend(start);
}

void TestHandler::block() {
    std::unique_lock lock(mutex_);
    blocked = true;
    unblock_.wait(lock, [this] { return released_; });
}

void TestHandler::release() {
    std::vector<Resume> ready;
    {
        const std::lock_guard lock(mutex_);
        released_ = true;
        ready.swap(waiting_);
    }
    unblock_.notify_all();
    for (const Resume& resume : ready) resume();
}

std::size_t TestHandler::paused() {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

}  // namespace pkgreg::test
