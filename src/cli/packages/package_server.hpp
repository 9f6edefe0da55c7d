// The server as the commands about packages see it: where it is, and what its answers mean.
#pragma once

#include "cli/exit_code.hpp"
#include "cli/http_client.hpp"
#include "cli/packages/package_requests.hpp"

#include <simdjson.h>

#include <functional>
#include <string>
#include <string_view>

namespace pkgreg::cli {

/// The URL of the server that the options name.
std::string server_url(const PackageRequestOptions& options);

/// A connection to that server.
class PackageServer {
 public:
    explicit PackageServer(const PackageRequestOptions& options);

    /// Sends a request and gives back the answer of a success. Throws for all others.
    ///
    /// @param what what is refused then, such as `the package`
    HttpAnswer ask(const ServerRequest& request, std::string_view what);

    /// As `ask`, for a request about one package; that it is not there is said in the words of the
    /// original program.
    HttpAnswer ask_for(const ServerRequest& request, std::string_view name,
                       std::string_view version);

    /// Has an answer read as JSON. What `read` does not find there, as simdjson's exceptions say,
    /// is an answer that no registry gives.
    void read(const HttpAnswer& answer,
              const std::function<void(simdjson::dom::element)>& read) const;

 private:
    ProgramError refusal(const HttpAnswer& answer, std::string_view what) const;

    HttpClient client_;
};

/// The string under a key, fit for a terminal.
std::string printable(simdjson::dom::element object, std::string_view key);

/// Writes a command's output. Throws `ProgramError` when it cannot be written.
void write_output(std::ostream& out, std::string_view text);

}  // namespace pkgreg::cli
