#include "access/password_checks.hpp"

#include "access/client_key.hpp"
#include "access/small_file.hpp"
#include "access/too_many_requests.hpp"

#include <algorithm>
#include <sched.h>
#include <sys/resource.h>
#include <thread>
#include <time.h>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace pkgreg::access {
namespace {

constexpr std::size_t max_file_size = std::size_t{16} << 20;
/// So long a password is not looked at again.
constexpr std::int64_t remembered_seconds = 600;
/// And so long one that is wrong.
constexpr std::int64_t wrong_seconds = 60;
/// More computations do not wait: the last one's client would have given up.
constexpr std::size_t max_running = 256;

std::int64_t now_seconds() noexcept {
    timespec time{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return time.tv_sec;
}

std::size_t thread_count() noexcept {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency() / 4, 1, 8);
}

/// When a computation has not ended by then, another thread does it as well.
constexpr std::chrono::seconds patience{1};

/// Only what no other thread wants: even a thread of low priority keeps one that serves waiting for
/// milliseconds. Where that is not allowed, the lowest priority.
void run_when_idle() noexcept {
    thread_local bool lowered = false;
    if (std::exchange(lowered, true)) return;
    const sched_param none{};
    if (::sched_setscheduler(0, SCHED_IDLE, &none) != 0) {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 19);
    }
}

/// On a machine that is never idle a log-in has to end all the same.
void run_behind_others() noexcept {
    thread_local bool lowered = false;
    if (std::exchange(lowered, true)) return;
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 10);
}

bool matches(const std::string& password, const std::string& hash) noexcept {
    try {
        return matches_bcrypt(password, hash);
    } catch (const std::exception&) {
        return false;  // no memory: nobody is let in
    }
}

[[noreturn]] void refuse_password() {
    throw Error(ErrorCode::unauthorized, "wrong name or password");
}

WatchedFile<PasswordFile>::Value load_passwords(const std::filesystem::path& file) {
    return std::make_shared<const PasswordFile>(
        PasswordFile::parse(read_small_file(file, max_file_size), file.string()));
}

}  // namespace

PasswordChecks::PasswordChecks(const std::filesystem::path& file, LogCallback log)
    : file_(file, &load_passwords, std::move(log)), idle_(thread_count()), steady_(1) {}

ProofKey PasswordChecks::key_of(const std::string& name, std::string_view password,
                                const std::string& hash) const {
    // With the file's line, so that a line that changes is another proof.
    return hash_.of({name, password, hash});
}

CallerPtr PasswordChecks::known(const std::string& name, std::string_view password) {
    const auto file = file_.current();
    const std::string* const hash = file->find(name);
    return hash == nullptr ? nullptr
                           : cache_.find(key_of(name, password, *hash), nullptr, now_seconds());
}

awaitable<CallerPtr> PasswordChecks::check(const std::string& name, const std::string& password,
                                           std::string_view client) {
    const auto file = file_.current();
    const std::string* const known_hash = file->find(name);
    const std::string hash = known_hash != nullptr ? *known_hash : file->nobody();
    const ProofKey key = key_of(name, password, hash);
    if (CallerPtr caller = cache_.find(key, nullptr, now_seconds())) co_return caller;
    if (wrong_.find(key, nullptr, now_seconds())) refuse_password();

    const ClientKey address(client);
    const std::chrono::seconds pause = failed_.begin(name, address.bytes(), now_seconds());
    if (pause.count() > 0) {
        throw TooManyRequests(
            "too many log-ins failed; try again in " + std::to_string(pause.count()) + " s", pause);
    }
    bool matches = false;
    bool first = false;
    try {
        CheckPtr check;
        std::tie(check, first) = join(key, password, hash);
        matches = co_await result_of(check);
    } catch (...) {
        failed_.end(name, address.bytes(), now_seconds(), false);
        throw;
    }
    matches = matches && known_hash != nullptr;
    // Who brings one wrong password on ten connections at once has made one guess.
    failed_.end(name, address.bytes(), now_seconds(), !matches && first);
    auto caller = std::make_shared<Caller>();
    if (!matches) {
        wrong_.put(key, nullptr, caller, now_seconds() + wrong_seconds);
        refuse_password();
    }
    caller->identity = {IdentityKind::basic, name, {}};
    cache_.put(key, nullptr, caller, now_seconds() + remembered_seconds);
    co_return caller;
}

std::pair<PasswordChecks::CheckPtr, bool> PasswordChecks::join(const ProofKey& key,
                                                               const std::string& password,
                                                               const std::string& hash) {
    const std::lock_guard lock(mutex_);
    if (const auto found = running_.find(key); found != running_.end()) {
        return {found->second, false};
    }
    if (running_.size() >= max_running) {
        throw TooManyRequests("too many log-ins are waiting; try again in 5 s",
                              std::chrono::seconds(5));
    }
    CheckPtr check = std::make_shared<Check>();
    running_.emplace(key, check);
    idle_.post([this, key, check, password, hash] {
        run_when_idle();
        if (!is_done(*check)) finish(key, check, matches(password, hash));
    });
    const auto due = std::chrono::steady_clock::now() + patience;
    steady_.post([this, key, check, password, hash, due] {
        run_behind_others();
        if (!is_done_by(*check, due)) finish(key, check, matches(password, hash));
    });
    return {check, true};
}

bool PasswordChecks::is_done(const Check& check) {
    const std::lock_guard lock(mutex_);
    return check.done;
}

bool PasswordChecks::is_done_by(const Check& check, std::chrono::steady_clock::time_point due) {
    std::unique_lock lock(mutex_);
    return finished_.wait_until(lock, due, [&] { return check.done; });
}

void PasswordChecks::finish(const ProofKey& key, const CheckPtr& check, bool matches) {
    std::vector<Resume> waiting;
    {
        const std::lock_guard lock(mutex_);
        if (check->done) return;  // by another thread
        check->done = true;
        check->matches = matches;
        waiting.swap(check->waiting);
        running_.erase(key);
    }
    finished_.notify_all();
    for (Resume& resume : waiting) resume();
}

awaitable<bool> PasswordChecks::result_of(CheckPtr check) {
    auto start = [this, &check](Resume resume) {
        {
            const std::lock_guard lock(mutex_);
            if (!check->done) {
                check->waiting.push_back(std::move(resume));
                return;
            }
        }
        resume();
    };
    co_await suspend(start);
    co_return check->matches;
}

}  // namespace pkgreg::access
