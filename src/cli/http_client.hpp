// The program as an HTTP client of a registry.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {

struct HttpAnswer {
    long status = 0;
    std::vector<std::pair<std::string, std::string>> fields = {};
    std::string body = {};

    /// The value of the first field of that name, or nothing.
    std::optional<std::string_view> field(std::string_view name) const;
};

/// A connection to one server, kept open between requests. One thread uses it at a time.
class HttpClient {
 public:
    /// @param server `http://HOST:PORT`, the same with `https`, without scheme (then `http`), or
    ///               `unix:PATH`. Throws `ProgramError` with `ExitCode::usage` for anything else.
    explicit HttpClient(const std::string& server);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// GET of a path and query, or of a URL of the same server (as in a `Link` field). Answers of
    /// every status come back; redirects are not followed. Throws `ProgramError` with
    /// `ExitCode::server` when there is no answer, or one of more than 64 MiB.
    HttpAnswer get(std::string_view target);

    /// The server for messages: as it was given, secrets masked.
    const std::string& name() const noexcept;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pkgreg::cli
