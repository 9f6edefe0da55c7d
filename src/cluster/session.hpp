// Session: the registry as its service account, before the services behind the cluster's masters.
#pragma once

#include "web/http_answer.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::cluster {

struct SessionOptions {
    /// The masters, such as `https://master.mesos`.
    std::string url;
    /// PEM file of the authorities that vouch for them, beside the system's; empty: none.
    std::string ca_file = {};
    /// The service account's secret.
    std::filesystem::path account = {};
};

/// One thread uses it at a time. Every call that asks may block, until `stop_fd` is readable (-1:
/// nothing stops it), and throws:
///
/// - `unavailable` where no answer came, or one that may be another in a moment
/// - `unauthorized` where IAM does not take the account; the message says what to look at
/// - `cancelled` where `stop_fd` ended it
/// - `invalid_options` where the secret of the account is no more what it was
class Session {
 public:
    /// Reads the files. Throws `invalid_options` with the option that named what cannot be used.
    explicit Session(SessionOptions options);

    /// Asks a service below `url`, logged in. An answer 401 comes back only where it came to a
    /// token that had been got for it. Answers that mean "later" (429, 5xx) are thrown as
    /// `unavailable`.
    ///
    /// @param path such as `/ca/api/v2/sign`
    /// @param body JSON; makes it a POST
    HttpAnswer ask(const std::string& path, const std::optional<std::string>& body, int stop_fd);

    /// The same without a token.
    HttpAnswer ask_openly(const std::string& path, const std::optional<std::string>& body,
                          int stop_fd) const;

    /// The URL of a path, for messages.
    std::string url_of(const std::string& path) const { return options_.url + path; }
    const SessionOptions& options() const noexcept { return options_; }
    /// The account, for messages.
    const std::string& uid() const noexcept { return uid_; }

 private:
    using Clock = std::chrono::system_clock;

    const std::string& token(int stop_fd);
    HttpAnswer exchange(const std::string& url, const std::optional<std::string>& body,
                        const std::string& token, int stop_fd) const;

    SessionOptions options_;
    std::string uid_;
    std::string token_;
    /// When another token is got.
    Clock::time_point renewal_;
};

/// The token of IAM's answer, `{"token": "<JWT>"}`. Throws `unavailable` for any other.
std::string parse_login_answer(std::string_view body);

/// When a token ends, by its claim `exp`, which is not verified here; nothing where it has none.
std::optional<std::chrono::system_clock::time_point> end_of_token(std::string_view token);

/// What an error's body says, for messages: `: title: description`, or nothing. Printable.
std::string reason_in(std::string_view body);

}  // namespace pkgreg::cluster
