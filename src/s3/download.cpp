#include "s3/download.hpp"

#include "pkgreg/error.hpp"

#include "s3/timestamps.hpp"

#include <algorithm>
#include <charconv>

namespace pkgreg::s3 {
namespace {

std::uint64_t size_in(std::string_view text) {
    std::uint64_t size = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), size);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
        throw Error(ErrorCode::io,
                    "the server's answer does not tell the object's size; is a proxy in the way "
                    "that changes answers?");
    }
    return size;
}

}  // namespace

ObjectHead head_in(const HttpAnswer& answer) {
    ObjectHead head;
    // `bytes 0-9/443`: the whole object's size is behind the slash.
    const std::string_view range = find(answer.headers, "content-range");
    const std::size_t slash = range.find('/');
    head.size = size_in(slash == std::string_view::npos ? find(answer.headers, "content-length")
                                                        : range.substr(slash + 1));
    head.etag = find(answer.headers, "etag");
    if (const auto time = parse_http_date(find(answer.headers, "last-modified"))) {
        head.modified = time->time_since_epoch().count() * 1'000'000'000;
    }
    return head;
}

awaitable<std::size_t> ObjectDownload::read(std::span<std::byte> into) {
    const std::uint64_t left = end_ - position_;
    if (into.size() > left) into = into.first(static_cast<std::size_t>(left));
    if (left == 0) body_.reset();
    if (into.empty()) co_return 0;
    while (true) {
        const std::size_t n = co_await body_->read(into);
        if (n > 0) {
            position_ += n;
            failures_ = 0;
            co_return n;
        }
        co_await take_up();
    }
}

awaitable<std::size_t> ObjectDownload::splice(int pipe, std::size_t most) {
    const std::uint64_t left = end_ - position_;
    if (left == 0) co_return 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(most, left));
    const std::size_t n = co_await body_->splice(pipe, wanted);
    position_ += n;
    if (n > 0) failures_ = 0;
    co_return n;
}

/// Goes on with a new transfer where the last one broke off.
awaitable<void> ObjectDownload::take_up() {
    ++failures_;
    Operation operation{"GetObject", "s3:GetObject", "GET", key_};
    if (failures_ >= client_->options().attempts) {
        Answer answer;
        answer.http.failure =
            body_->failure() == Failure::none ? Failure::broken : body_->failure();
        answer.http.failure_text = body_->failure() == Failure::none
                                       ? "the answer was shorter than the object"
                                       : body_->failure_text();
        answer.tries = failures_;
        throw client_->error(operation, answer);
    }
    body_.reset();
    co_await client_->transport().pause(Client::back_off(failures_));
    operation.headers.push_back(
        {"range", "bytes=" + std::to_string(position_) + "-" + std::to_string(end_ - 1)});
    if (!head_.etag.empty()) operation.headers.push_back({"if-match", head_.etag});
    Client::Opened opened = co_await client_->open(operation);
    if (opened.body && opened.answer.status() == 206) {
        body_ = std::move(opened.body);
        co_return;
    }
    if (opened.answer.status() == 412) {
        throw Error(ErrorCode::corrupt, client_->describe() + ": '" + key_ +
                                            "' was replaced while it was read; read it again");
    }
    throw client_->error(operation, opened.answer);
}

}  // namespace pkgreg::s3
