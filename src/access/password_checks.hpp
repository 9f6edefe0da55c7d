// PasswordChecks: names and passwords, checked away from the threads that serve, and remembered.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/work_pool.hpp"

#include "access/caller_cache.hpp"
#include "access/failed_logins.hpp"
#include "access/password_file.hpp"
#include "access/proof_hash.hpp"
#include "access/watched_file.hpp"
#include "base/suspend.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace pkgreg::access {

/// Any thread may call every member.
///
/// bcrypt takes up a core for a while, so it has threads of its own: one for four cores, which only
/// runs while a core is idle, and one that helps where that takes too long. Requests that bring the
/// same name and password wait for one computation.
class PasswordChecks {
 public:
    /// Reads the file. Throws `invalid_options`.
    PasswordChecks(const std::filesystem::path& file, LogCallback log);

    /// The caller, where this password was checked a short while ago and the file's line is still
    /// the same; else null.
    CallerPtr known(const std::string& name, std::string_view password);

    /// The caller. Throws `unauthorized`, and `TooManyRequests` to whom fails again and again, or
    /// where too many wait.
    /// @param client as in `HttpRequest::client`
    awaitable<CallerPtr> check(const std::string& name, const std::string& password,
                               std::string_view client);

    const FailedLogins& failed_logins() const noexcept { return failed_; }

 private:
    /// A computation that some wait for.
    struct Check {
        bool done = false;
        bool matches = false;
        std::vector<Resume> waiting;
    };
    using CheckPtr = std::shared_ptr<Check>;

    ProofKey key_of(const std::string& name, std::string_view password,
                    const std::string& hash) const;
    /// The computation for that proof, and whether it was begun for this caller.
    std::pair<CheckPtr, bool> join(const ProofKey& key, const std::string& password,
                                   const std::string& hash);
    bool is_done(const Check& check);
    bool is_done_by(const Check& check, std::chrono::steady_clock::time_point due);
    void finish(const ProofKey& key, const CheckPtr& check, bool matches);
    awaitable<bool> result_of(CheckPtr check);

    WatchedFile<PasswordFile> file_;
    const ProofHash hash_;
    CallerCache cache_;
    /// Passwords that were wrong a short while ago: a client that repeats one guesses nothing.
    CallerCache wrong_;
    FailedLogins failed_;
    std::mutex mutex_;
    std::unordered_map<ProofKey, CheckPtr, ProofKeyHash> running_;
    std::condition_variable finished_;
    // The last members: their threads use the others.
    WorkPool idle_;
    WorkPool steady_;
};

}  // namespace pkgreg::access
