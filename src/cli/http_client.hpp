// The program as an HTTP client of a registry.
#pragma once

#include "web/http_answer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {

struct ServerRequest {
    std::string method = "GET";
    /// A path and query, or a URL of the same server (as in a `Link` field).
    std::string target;
    /// Fields in the form `Name: value`.
    std::vector<std::string> fields = {};

    /// The body, where there is one: bytes that live as long as the request does, or a file that is
    /// streamed.
    std::string_view body = {};
    std::optional<std::filesystem::path> file = {};
    /// Is told how much of the body was sent, again and again; what it throws ends the request.
    std::function<void(std::uint64_t sent)> progress = {};

    /// The largest answer that is taken, decompressed, in bytes.
    std::size_t max_answer = std::size_t{64} << 20;
};

struct HttpClientOptions {
    /// A PEM file of the authorities that are trusted, instead of the system's own.
    std::string ca = {};
    /// PEM files of a certificate that is shown to the server, and of its key; empty: none.
    std::string certificate = {};
    std::string key = {};
    /// For Basic authentication; an empty name: none.
    std::string user = {};
    std::string password = {};
    /// The value of `Authorization` where it is another one; empty: none.
    std::string authorization = {};
    /// How long a transfer may stand still; how long it takes as a whole does not matter.
    std::chrono::seconds stall{60};
    /// How long the answer to a body may take once all of it was sent, while the server checks and
    /// stores it.
    std::chrono::seconds answer{600};
    /// What to do where there is no answer.
    std::string advice = "name the server with --server URL or PKGREG_SERVER";
};

/// A connection to one server, kept open between requests. One thread uses it at a time.
class HttpClient {
 public:
    /// @param server `http://HOST:PORT`, the same with `https`, without scheme (then `http`), or
    ///               `unix:PATH`. Throws `ProgramError` with `ExitCode::usage` for anything else.
    explicit HttpClient(const std::string& server, HttpClientOptions options = {});
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Sends a request. Answers of every status come back, also such as come before all of the body
    /// was sent (which is not sent to its end then); redirects are not followed. Throws
    /// `ProgramError`: with `ExitCode::server` when there is no answer, or one that is too large,
    /// and with `ExitCode::failed` when the file cannot be read.
    HttpAnswer send(const ServerRequest& request);

    /// GET of a target.
    HttpAnswer get(std::string_view target);

    /// The server for messages: as it was given, secrets masked.
    const std::string& name() const noexcept;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

/// What the server says in the body of an error (OCI distribution specification, "Error Codes"),
/// with its status: `status 409: …`. Printable, on as many lines as the message has.
std::string error_text(const HttpAnswer& answer);

}  // namespace pkgreg::cli
