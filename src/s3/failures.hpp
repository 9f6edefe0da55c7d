// What an answer of S3 means: whether to try again, and otherwise the error that tells a person
// what happened, where, and what to do.
#pragma once

#include "pkgreg/error.hpp"

#include "s3/transport.hpp"
#include "s3/xml.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

/// An answer with what its body and headers say about an error.
struct Answer {
    HttpAnswer http = {};
    /// Empty where nothing is wrong; the code may be empty for an error without a body (HEAD).
    ErrorDocument error = {};
    /// An earlier try of the same call may have been carried out, without a word.
    bool maybe_done_before = false;
    /// How often it was tried.
    unsigned tries = 1;

    int status() const noexcept { return http.status; }
    bool is_ok() const noexcept {
        return http.failure == Failure::none && http.is_success() && error.code.empty();
    }
};

/// Reads the error out of an answer. `error_in_success`: the operation is one that may say 200
/// first and fail then.
Answer read_answer(HttpAnswer http, bool error_in_success);

enum class Verdict : std::uint8_t {
    final,         ///< Success, or an error that another try would not change.
    again,         ///< May pass: try again after a pause.
    wrong_clock,   ///< The signature's time was refused.
    wrong_region,  ///< The bucket is in `region_of(answer)`.
    wrong_keys,    ///< The keys were refused.
};
Verdict judge(const Answer& answer);

/// Whether the server may have done what was asked, although the answer does not say so.
bool is_unclear(const Answer& answer) noexcept;

/// The region that the answer names; empty when it names none.
std::string region_of(const Answer& answer);

/// What `Retry-After` asks for; nothing when it doesn't.
std::optional<std::chrono::seconds> retry_after(const Answer& answer);

/// The server's clock minus this machine's, when the answer has a `Date`.
std::optional<std::chrono::seconds> clock_offset(const Answer& answer,
                                                 std::chrono::system_clock::time_point now);

/// What was asked, for messages.
struct Asked {
    /// `s3://bucket at https://endpoint`
    const std::string& where;
    std::string_view bucket;
    std::string_view operation;  ///< `PutObject`
    std::string_view action;     ///< the permission that it needs, `s3:PutObject`
    std::string_view key;        ///< empty: about the bucket
    std::chrono::seconds clock_offset{0};
};
Error error_of(const Answer& answer, const Asked& asked);

}  // namespace pkgreg::s3
