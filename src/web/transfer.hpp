// Transfer: one HTTP exchange at a time over libcurl, on connections that stay open in between.
#pragma once

#include "web/http_answer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg {

/// What all exchanges of a `Transfer` have in common.
struct TransferSettings {
    /// Certificates that are trusted beside the system's; empty: none.
    std::string ca_file = {};
    /// How long nothing may move before an exchange is given up.
    std::chrono::seconds stall_timeout{60};
    /// How long the answer may take once all of a body was sent: the server checks and stores it.
    std::chrono::seconds answer_timeout{600};
    /// Ends an exchange as soon as it is readable; -1: none.
    int stop_fd = -1;
    /// Called while an exchange waits, at least once a second; what it throws ends the exchange.
    std::function<void()> waiting = {};
    /// What to do where a certificate is not trusted.
    std::string ca_advice = "--ca FILE names further certificates to trust";
};

/// Gives the body of a request. One thread uses it at a time.
class BodyReader {
 public:
    virtual ~BodyReader() = default;
    /// Length in bytes.
    virtual std::uint64_t size() const noexcept = 0;
    /// Reads the next bytes; 0 only at the end. What it throws ends the exchange.
    virtual std::size_t read(std::span<std::byte> into) = 0;
};

struct TransferRequest {
    std::string url;
    /// `Name: value`. Fields that identify the sender are not sent on to another host by redirects.
    std::vector<std::string> fields = {};
    /// Makes it a POST unless `method` says otherwise.
    std::optional<std::string> body = {};
    /// Empty: POST with `body`, PUT with `upload`, else GET.
    std::string method = {};
    /// Gives the body in place of `body`; used until the exchange ends.
    BodyReader* upload = nullptr;
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

/// An exchange that `TransferSettings::stop_fd` ended.
class TransferStopped : public std::exception {
 public:
    const char* what() const noexcept override { return "stopped"; }
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
///
/// Up to ten redirects of GET and HEAD are followed, but none from https to http. Those of other
/// methods come back as answers.
class Transfer {
 public:
    explicit Transfer(TransferSettings settings);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    /// Returns the answer, whatever its status, without its body. Throws `TransferError`,
    /// `TransferStopped`, and what the sink, the request's `upload` and `waiting` throw.
    HttpAnswer perform(const TransferRequest& request, BodySink& sink);

    /// Begins an exchange and returns its answer's head; `wait` and `read` then give the body. What
    /// the caller does not take does not come: about 1 MiB is kept. Throws as `perform` does. Ends
    /// the exchange that was opened before.
    HttpAnswer open(const TransferRequest& request);
    /// Returns when `read` need not wait.
    void wait();
    /// Reads what is there, at most `into.size()` bytes and at least one; 0 only at the end. Throws
    /// as `perform` does, also where the body breaks off.
    std::size_t read(std::span<std::byte> into);
    /// Whether `read` need not wait, as far as can be told at once.
    bool ready() const noexcept;
    /// Ends the exchange that was opened, if there is one.
    void close() noexcept;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The URL that `location` (of a `Location` field) means in an answer of `base`; empty where it
/// means none, or leads from https to http.
std::string resolve_location(const std::string& base, const std::string& location);

/// Whether two URLs lead to one server: the same scheme, host and port.
bool is_same_server(const std::string& a, const std::string& b);

}  // namespace pkgreg
