#include "access/key_source.hpp"

#include "pkgreg/error.hpp"

#include "access/small_file.hpp"
#include "access/watched_file.hpp"
#include "base/suspend.hpp"
#include "web/document.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <time.h>
#include <utility>
#include <vector>

namespace pkgreg::access {
namespace {

constexpr std::size_t max_document = std::size_t{256} << 10;
constexpr std::chrono::seconds stall{5};
/// Between two questions for a key that is not known.
constexpr std::int64_t shortest_interval = 5;
/// Between two questions otherwise.
constexpr std::int64_t usual_interval = 300;

std::int64_t now() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return time.tv_sec;
}

KeySource::Keys load_keys(const std::filesystem::path& file) {
    return std::make_shared<const JwkSet>(
        JwkSet::parse(read_small_file(file, max_document), file.string()));
}

class FileKeys final : public KeySource {
 public:
    FileKeys(const std::string& file, LogCallback log) : file_(file, &load_keys, std::move(log)) {}

    Keys current() override { return file_.current(); }
    awaitable<Keys> refreshed() override { co_return file_.current(); }

 private:
    WatchedFile<JwkSet> file_;
};

/// What a question to the issuer needs, also when the source that asked is gone.
class IssuerState {
 public:
    IssuerState(std::string url, std::string ca, LogCallback log)
        : url_(std::move(url)), ca_(std::move(ca)), log_(std::move(log)) {}

    KeySource::Keys keys() const {
        const std::lock_guard lock(mutex_);
        return keys_;
    }

    /// Whether the issuer is to be asked; then the caller must have `ask` run.
    bool begin(std::int64_t interval) {
        if (now() < next_usual_.load(std::memory_order_relaxed) && interval == usual_interval) {
            return false;
        }
        const std::lock_guard lock(mutex_);
        if (asking_ || now() < asked_ + interval) return false;
        asking_ = true;
        return true;
    }

    /// Blocks until there is an answer, or none.
    void ask() noexcept {
        KeySource::Keys fresh;
        std::string text;
        std::string problem;
        try {
            text = fetch();
            if (text != text_) {
                fresh = std::make_shared<const JwkSet>(JwkSet::parse(text, url_));
            }
        } catch (const std::exception& error) {
            problem = error.what();
        }
        if (fresh) text_ = std::move(text);
        tell(fresh != nullptr, problem);
        finish(std::move(fresh));
    }

    /// Calls `resume` once nobody asks any more; at once where that is so.
    void wait(Resume resume) {
        {
            const std::lock_guard lock(mutex_);
            if (asking_) {
                waiting_.push_back(std::move(resume));
                return;
            }
        }
        resume();
    }

    /// From here on nothing is logged: whoever listens may be gone.
    void close() {
        const std::lock_guard lock(log_mutex_);
        log_ = nullptr;
    }

 private:
    std::string fetch() const {
        DocumentRequest request;
        request.url = url_;
        request.fields = {"Accept: application/jwk-set+json, application/json"};
        request.ca_file = ca_;
        request.stall_timeout = stall;
        request.max_size = max_document;
        HttpAnswer answer = fetch_document(request);
        if (answer.status != 200) {
            throw Error(ErrorCode::unavailable, url_ + " answers with " + status_text(answer));
        }
        return std::move(answer.body);
    }

    /// Once per change for the better or the worse, not every five seconds.
    void tell(bool fresh, const std::string& problem) noexcept {
        const std::lock_guard lock(log_mutex_);
        const bool news = problem != problem_;
        problem_ = problem;
        try {
            if (!log_) return;
            if (fresh) log_(LogLevel::info, "tokens: got the keys of " + url_);
            if (news && !problem.empty()) {
                log_(LogLevel::warning,
                     "tokens: " + problem + "; the keys known before stay in force");
            }
        } catch (const std::exception&) {  // no memory for a line
        }
    }

    void finish(KeySource::Keys fresh) noexcept {
        std::vector<Resume> waiting;
        {
            const std::lock_guard lock(mutex_);
            if (fresh) keys_ = std::move(fresh);
            asking_ = false;
            asked_ = now();
            // Where there are no keys yet, whoever needs them asks.
            next_usual_.store(asked_ + usual_interval, std::memory_order_relaxed);
            waiting.swap(waiting_);
        }
        for (Resume& resume : waiting) resume();
    }

    const std::string url_;
    const std::string ca_;
    std::mutex log_mutex_;
    LogCallback log_;      // guarded by `log_mutex_`
    std::string problem_;  // of the last question; guarded by `log_mutex_`
    std::string text_;     // of the keys; only the one who asks uses it
    mutable std::mutex mutex_;
    KeySource::Keys keys_;  // from here on guarded by `mutex_`
    bool asking_ = false;
    std::int64_t asked_ = -usual_interval;  // when the last question ended
    std::vector<Resume> waiting_;
    std::atomic<std::int64_t> next_usual_ = 0;
};

class IssuerKeys final : public KeySource {
 public:
    IssuerKeys(const std::string& url, const std::string& ca, std::shared_ptr<WorkPool> pool,
               LogCallback log)
        : state_(std::make_shared<IssuerState>(url, ca, std::move(log))), pool_(std::move(pool)) {
        if (pool_ && state_->begin(usual_interval)) post();
    }
    ~IssuerKeys() override { state_->close(); }

    Keys current() override {
        if (pool_ && state_->begin(usual_interval)) post();
        return state_->keys();
    }

    awaitable<Keys> refreshed() override {
        if (state_->begin(shortest_interval)) {
            if (pool_) {
                post();
            } else {
                state_->ask();
            }
        }
        auto start = [this](Resume resume) { state_->wait(std::move(resume)); };
        co_await suspend(start);
        Keys keys = state_->keys();
        if (!keys) {
            throw Error(ErrorCode::unavailable,
                        "the keys that tokens are verified with cannot be "
                        "had from their issuer; try again later");
        }
        co_return keys;
    }

 private:
    // The state does not hold the pool: its last owner must not be one of its threads.
    void post() {
        pool_->post([state = state_] { state->ask(); });
    }

    const std::shared_ptr<IssuerState> state_;
    const std::shared_ptr<WorkPool> pool_;
};

bool is_url(const std::string& text) {
    return text.starts_with("http://") || text.starts_with("https://");
}

}  // namespace

std::unique_ptr<KeySource> KeySource::make(const std::string& keys, const std::string& ca,
                                           std::shared_ptr<WorkPool> pool, LogCallback log) {
    if (is_url(keys)) {
        return std::make_unique<IssuerKeys>(keys, ca, std::move(pool), std::move(log));
    }
    return std::make_unique<FileKeys>(keys, std::move(log));
}

}  // namespace pkgreg::access
