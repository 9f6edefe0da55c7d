// Fetcher: gets documents and files over HTTP, and does not give up at the first disturbance.
#pragma once

#include "cli/build/interruption.hpp"
#include "cli/build/output_file.hpp"
#include "cli/progress.hpp"
#include "web/transfer.hpp"
#include "remote/tries.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace pkgreg::cli {

/// What all fetches of a command have in common.
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

/// What is known of a file before it is fetched.
struct FileExpectation {
    /// More is not taken, and less is an answer that was cut off.
    std::optional<std::uint64_t> size = {};
    /// The content of the URL never changes, as it is named by its digest: a fetch that broke off
    /// may always go on where it ended.
    bool immutable = false;
    /// What its progress is shown under.
    std::string label = {};
};

/// Each try waits longer than the one before, by chance a little more or less, or as long as the
/// server asks. A try that brought much begins the count anew. One thread uses it at a time.
///
/// Both members give back the answer whatever its status, once that is not one of a passing
/// disturbance or there were enough tries. They throw `unavailable` where there is no answer, and
/// `Interrupted`.
class Fetcher {
 public:
    explicit Fetcher(const FetchSettings& settings);

    /// Gets a document. Throws `too_large` where it has more than `max_size` bytes.
    HttpAnswer get(const TransferRequest& request, std::size_t max_size);

    /// Gets a file. With status 200 it is complete; with any other the answer's body is the
    /// beginning of what the server says of it. Throws `size_invalid`, `io` and `no_space`.
    HttpAnswer save(const TransferRequest& request, SpoolFile& file,
                    const FileExpectation& expectation);

    /// Whether the server of this URL speaks TLS. Throws `unavailable` where there is no server.
    bool speaks_tls(const std::string& url);

    const FetchSettings& settings() const noexcept { return settings_; }

 private:
    HttpAnswer perform(const TransferRequest& request, BodySink& sink);
    void pause(Tries& tries, std::optional<std::chrono::milliseconds> asked = {}) const;

    const FetchSettings settings_;
    Transfer transfer_;
};

}  // namespace pkgreg::cli
