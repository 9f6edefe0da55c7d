#include "remote/copy_watch.hpp"

#include "pkgreg/error.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace pkgreg {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds interval{100};

}  // namespace

CopyWatch::CopyWatch(const RemoteOptions& options, std::string_view operation)
    : options_(options), operation_(operation) {}

void CopyWatch::begin(std::string subject, std::uint64_t total) {
    subject_ = std::move(subject);
    done_ = 0;
    total_ = total;
    tell();
}

void CopyWatch::set(std::uint64_t done) {
    done_ = done;
    tell_in_time();
}

void CopyWatch::end() {
    done_ = total_;
    tell();
}

void CopyWatch::wait() {
    tell_in_time();
}

void CopyWatch::sleep(milliseconds time) {
    const auto end = Clock::now() + time;
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
        std::this_thread::sleep_for(std::min<Clock::duration>(end - now, interval));
        tell();
    }
}

void CopyWatch::tell_in_time() {
    if (Clock::now() - told_ >= interval) tell();
}

void CopyWatch::tell() {
    if (!options_.progress) return;
    told_ = Clock::now();
    if (options_.progress({operation_, subject_, done_, total_})) return;
    throw Error(ErrorCode::cancelled, "the " + std::string(operation_) + " of " + subject_ +
                                          " was stopped by its progress callback");
}

}  // namespace pkgreg
