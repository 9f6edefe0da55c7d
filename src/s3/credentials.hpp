// The keys that requests are signed with, and where they come from.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/s3_store.hpp"

#include "base/suspend.hpp"
#include "s3/environment.hpp"
#include "s3/transport.hpp"

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

struct Credentials {
    std::string access_key_id;
    std::string secret_access_key;
    /// Empty for keys that do not belong to a session.
    std::string session_token = {};
    /// Nothing: never.
    std::optional<std::chrono::system_clock::time_point> expires = {};

    friend bool operator==(const Credentials&, const Credentials&) = default;
};

/// A setting of a profile in the text of an AWS credentials or configuration file, which heads it
/// `[name]` or `[profile name]`; nothing when it has none.
std::optional<std::string> read_profile_setting(std::string_view file, std::string_view profile,
                                                std::string_view setting);

/// The keys of a profile. Nothing when there is no such profile; `invalid_options` when it lacks
/// one of the two keys.
std::optional<Credentials> read_profile(std::string_view file, std::string_view profile);

/// What the endpoints of containers and instances answer. Throws `denied` with the reason when they
/// give none.
Credentials read_credentials_answer(std::string_view json);

/// Whether keys may be asked for there: TLS, this machine, or the container platform's link-local
/// addresses. Anywhere else they would cross a network in clear text.
bool is_safe_container_endpoint(const std::string& url);

/// Where the shared files are, and the profile in them.
struct SharedFiles {
    std::string credentials;
    std::string configuration;
    std::string profile;

    SharedFiles(const S3CredentialSource& source, const Environment& environment);
};

/// Finds the keys, keeps them, and renews them before they expire. Every member may be called from
/// any thread. No message has a secret in it.
class CredentialProvider {
 public:
    /// The transport must outlive it.
    CredentialProvider(S3CredentialSource source, Environment environment, Transport& transport);

    /// Keys that are good for a while. Throws `denied` when there are none, with what was looked
    /// at.
    awaitable<std::shared_ptr<const Credentials>> get();

    /// The server has refused `keys`: looks for other ones. Whether there are any.
    awaitable<bool> replace(const std::shared_ptr<const Credentials>& keys);

 private:
    using Clock = std::chrono::system_clock;

    std::shared_ptr<const Credentials> usable(Clock::time_point now) const;
    awaitable<void> renew();
    awaitable<Credentials> find();
    Credentials from_file() const;
    std::optional<Credentials> from_environment() const;
    std::optional<Credentials> from_shared_file() const;
    awaitable<std::optional<Credentials>> from_container();
    awaitable<std::optional<Credentials>> from_instance();
    awaitable<HttpAnswer> ask(HttpRequest& request);

    const S3CredentialSource source_;
    const Environment environment_;
    const SharedFiles shared_;
    Transport& transport_;

    const std::shared_ptr<AsyncSharedMutex> renewal_ = std::make_shared<AsyncSharedMutex>();
    mutable std::mutex mutex_;  // guards what follows
    std::shared_ptr<const Credentials> current_;
    Clock::time_point renew_at_ = {};
};

}  // namespace pkgreg::s3
