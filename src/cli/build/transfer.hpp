// Transfer: one HTTP exchange at a time over libcurl, on connections that stay open in between.
#pragma once

#include "cli/build/interruption.hpp"
#include "cli/http_client.hpp"
#include "cli/progress.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {

/// What all exchanges of a command have in common.
struct FetchSettings {
    const Interruption* interruption;
    /// Certificates that are trusted beside the system's; empty: none.
    std::string ca_file = {};
    /// How long nothing may come before an exchange is given up.
    std::chrono::seconds stall_timeout{60};
    /// How often an exchange is tried again.
    unsigned retries = 4;
    /// Where files are shown while they come, or null.
    Progress* progress = nullptr;
};

struct HttpRequest {
    std::string url;
    /// `Name: value`. Fields that identify the sender are not sent on to another host by redirects.
    std::vector<std::string> fields = {};
    /// Makes it a POST, whose redirects are not followed.
    std::optional<std::string> body = {};
};

/// An exchange that brought no complete answer.
class TransferError : public std::exception {
 public:
    TransferError(std::string message, bool temporary, bool no_tls = false)
        : message_(std::move(message)), temporary_(temporary), no_tls_(no_tls) {}

    const char* what() const noexcept override { return message_.c_str(); }
    /// Whether another try may bring one.
    bool temporary() const noexcept { return temporary_; }
    /// Whether the server answered, but not in TLS.
    bool no_tls() const noexcept { return no_tls_; }

 private:
    std::string message_;
    bool temporary_;
    bool no_tls_;
};

/// Takes the body of the answer that counts, which is the one behind all redirects.
class BodySink {
 public:
    virtual ~BodySink() = default;
    /// In front of the body's first byte, and where there is none at its end.
    virtual void begin(const HttpAnswer& answer) = 0;
    virtual void data(std::string_view bytes) = 0;
};

/// One thread uses it at a time.
class Transfer {
 public:
    explicit Transfer(const FetchSettings& settings);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Returns the answer, whatever its status, without its body. Follows up to ten redirects, but
    /// none from https to http. Throws `TransferError`, `Interrupted`, and what the sink throws.
    HttpAnswer perform(const HttpRequest& request, BodySink& sink);

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pkgreg::cli
