#include "remote/remote_blob.hpp"

#include "base/mask_secrets.hpp"

#include <algorithm>
#include <array>

namespace pkgreg {
namespace {

/// A try that brought this much was worth it.
constexpr std::uint64_t much = std::uint64_t{1} << 20;

}  // namespace

RemoteBlob::RemoteBlob(RemoteRegistry& registry, const Descriptor& descriptor, CopyWatch& watch)
    : registry_(registry), descriptor_(descriptor), watch_(watch), tries_(registry.tries()) {}

RemoteBlob::~RemoteBlob() {
    registry_.transfer().close();
}

/// Opens the blob where it is not open, and does something with it, until that succeeds.
template <class Action>
auto RemoteBlob::persistently(const Action& action) {
    while (true) {
        try {
            if (!open_) open();
            return action();
        } catch (const TransferError& error) {
            open_ = false;
            if (done_ >= begun_ + much) tries_.begin_anew();
            registry_.before_another_try(tries_, error);
        }
    }
}

awaitable<void> RemoteBlob::wait() {
    persistently([this] { registry_.transfer().wait(); });
    co_return;
}

awaitable<std::size_t> RemoteBlob::read(std::span<std::byte> into) {
    co_return persistently([&] { return next(into); });
}

std::size_t RemoteBlob::next(std::span<std::byte> into) {
    const std::size_t n = registry_.transfer().read(into);
    const std::uint64_t left = descriptor_.size - done_;
    if (n > left) {
        throw Error(ErrorCode::size_invalid,
                    registry_.context() + ": blob " + descriptor_.digest.to_string() +
                        " has more than the " + std::to_string(descriptor_.size) +
                        " bytes that its manifest says; the registry's content is damaged");
    }
    if (n == 0 && left > 0) {
        throw TransferError("blob " + descriptor_.digest.to_string() + " ended after " +
                                std::to_string(done_) + " of " + std::to_string(descriptor_.size) +
                                " bytes",
                            true);
    }
    done_ += n;
    watch_.set(done_);
    return n;
}

void RemoteBlob::open() {
    begun_ = done_;
    const std::string digest = descriptor_.digest.to_string();
    TransferRequest request{registry_.url("blobs/" + digest)};
    if (done_ > 0) request.fields.push_back("Range: bytes=" + std::to_string(done_) + "-");
    HttpAnswer answer;
    do {
        answer = registry_.open(request);
    } while (answer.status != 200 && answer.status != 206 &&
             registry_.before_another_try(tries_, answer));
    if (answer.status == 206 && range_begin(answer) != done_) {
        throw TransferError(masked_url(request.url) + ": the server sends another range than asked",
                            true);
    }
    if (answer.status != 200 && answer.status != 206) {
        registry_.refuse(answer, {"blob " + digest, ErrorCode::blob_unknown});
    }
    // Who knows no ranges begins anew.
    if (answer.status == 200) skip(done_);
    open_ = true;
}

void RemoteBlob::skip(std::uint64_t size) {
    std::array<std::byte, 16 * 1024> waste{};
    while (size > 0) {
        const std::size_t n = registry_.transfer().read(
            std::span(waste).first(std::min<std::uint64_t>(size, waste.size())));
        if (n == 0) throw TransferError("the blob became shorter meanwhile", true);
        size -= n;
    }
}

}  // namespace pkgreg
