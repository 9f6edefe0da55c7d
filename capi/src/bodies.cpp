#include "bodies.hpp"

#include "pkgreg/error.hpp"

#include "arguments.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <sys/types.h>
#include <system_error>
#include <unistd.h>

namespace pkgreg::capi {
namespace {

constexpr std::uint64_t unknown = UINT64_MAX;

Error cancelled(std::int32_t answer) {
    return Error(ErrorCode::cancelled,
                 "the function that gives the bytes ended the call: it "
                 "returned " +
                     std::to_string(answer) + " (" + pkgreg_code_name(answer) + ")");
}

[[noreturn]] void throw_file_error(int fd, int error) {
    const std::string what = "cannot read file descriptor " + std::to_string(fd) + ": " +
                             std::generic_category().message(error);
    switch (error) {
        case ESPIPE:
            throw Error(ErrorCode::invalid_argument,
                        what + "; a pipe or socket has no offsets: pass a function that reads it");
        case EBADF:
        case EISDIR: throw Error(ErrorCode::invalid_argument, what);
        default: throw Error(ErrorCode::io, what);
    }
}

/// As pread, but for interruptions.
ssize_t read_at(int fd, void* into, std::size_t size, std::uint64_t offset) noexcept {
    ssize_t n = 0;
    do {
        n = pread(fd, into, size, static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    return n;
}

}  // namespace

std::optional<std::uint64_t> CallerBody::length() const noexcept {
    if (length_ == unknown) return std::nullopt;
    return length_;
}

/// Fills the buffer where it can: each goes to two other threads, which a small piece is not worth.
/// What came before a failure is given first.
awaitable<std::size_t> CallerBody::read(std::span<std::byte> into) {
    std::size_t filled = 0;
    try {
        while (filled < into.size() && !ended_ && !failure_) {
            filled += read_some(into.subspan(filled));
        }
    } catch (...) {
        failure_ = std::current_exception();
    }
    if (filled == 0 && failure_) std::rethrow_exception(failure_);
    co_return filled;
}

std::size_t CallerBody::read_some(std::span<std::byte> into) {
    if (length_ != unknown) {
        const std::uint64_t left = length_ - done_;
        if (left == 0) {
            ended_ = true;
            return 0;
        }
        into = into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left)));
    }
    const std::size_t n = fill(into);
    done_ += n;
    if (n == 0) {
        ended_ = true;
        if (length_ != unknown) {
            throw Error(ErrorCode::truncated, "the body ended after " + std::to_string(done_) +
                                                  " of the " + std::to_string(length_) +
                                                  " bytes that were announced");
        }
    }
    if (progress_ && n != 0) progress_->advance(n);
    return n;
}

void FunctionBody::throw_if_cancelled() const {
    if (answer_ != PKGREG_OK) throw cancelled(answer_);
}

std::size_t FunctionBody::fill(std::span<std::byte> into) {
    std::size_t got = 0;
    answer_ = function_(user_, into.data(), into.size(), &got);
    throw_if_cancelled();
    if (got > into.size()) {
        throw_invalid_argument("the function that gives the bytes claims " + std::to_string(got) +
                               " of them, but had room for " + std::to_string(into.size()));
    }
    return got;
}

FileBody::FileBody(int fd, std::uint64_t offset, std::uint64_t length, Progress* progress)
    : CallerBody(length, progress), fd_(fd), offset_(offset) {
    constexpr std::uint64_t most = INT64_MAX;
    if (offset > most || (length != unknown && length > most - offset)) {
        throw_invalid_argument("no file has bytes behind offset " + std::to_string(most));
    }
    // Before anything is changed: a descriptor that cannot be used is the caller's mistake.
    char byte = 0;
    if (read_at(fd, &byte, 1, offset) < 0) throw_file_error(fd, errno);
}

std::size_t FileBody::fill(std::span<std::byte> into) {
    const ssize_t n = read_at(fd_, into.data(), into.size(), offset_);
    if (n < 0) throw_file_error(fd_, errno);
    offset_ += static_cast<std::uint64_t>(n);
    return static_cast<std::size_t>(n);
}

}  // namespace pkgreg::capi
