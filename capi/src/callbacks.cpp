#include "callbacks.hpp"

#include "pkgreg/error.hpp"

#include "base/threads.hpp"

#include <utility>

namespace pkgreg::capi {

template <class Function>
void CallbackTarget<Function>::set(Function function, void* user) {
    // Inside a callback this would wait for itself.
    if (!may_wait()) {
        throw Error(ErrorCode::would_deadlock,
                    "a callback cannot be replaced from within a callback; set it on a thread of "
                    "your own");
    }
    std::shared_ptr<Target> next;
    if (function) next = std::make_shared<Target>(Target{function, user});
    std::unique_lock lock(mutex_);
    const std::shared_ptr<Target> before = std::exchange(current_, std::move(next));
    if (before) idle_.wait(lock, [&] { return before->running == 0; });
}

template class CallbackTarget<pkgreg_log_fn>;
template class CallbackTarget<pkgreg_progress_fn>;

LogCallback log_to(std::shared_ptr<LogTarget> target) {
    static_assert(static_cast<int>(LogLevel::debug) == PKGREG_LOG_DEBUG &&
                  static_cast<int>(LogLevel::info) == PKGREG_LOG_INFO &&
                  static_cast<int>(LogLevel::warning) == PKGREG_LOG_WARNING &&
                  static_cast<int>(LogLevel::error) == PKGREG_LOG_ERROR);
    return [target = std::move(target)](LogLevel level, std::string_view line) {
        target->run([&](pkgreg_log_fn function, void* user) {
            // A NUL behind it, as behind all texts.
            const std::string text(line);
            function(user, static_cast<std::int32_t>(level), text.c_str(), text.size());
        });
    };
}

void Progress::advance(std::uint64_t bytes) {
    done_ += bytes;
    if (done_ - told_ >= interval) tell();
}

void Progress::finish() {
    if (total_ == UINT64_MAX) total_ = done_;
    tell();
}

void Progress::tell() {
    told_ = done_;
    std::int32_t answer = 0;
    target_.run([&](pkgreg_progress_fn function, void* user) {
        const pkgreg_progress progress = {sizeof progress, operation_, subject_.c_str(), done_,
                                          total_};
        answer = function(user, &progress);
    });
    if (answer != 0) {
        throw Error(ErrorCode::cancelled, std::string(operation_) + " (" + subject_ +
                                              "): stopped by the progress callback after " +
                                              std::to_string(done_) + " bytes");
    }
}

}  // namespace pkgreg::capi
