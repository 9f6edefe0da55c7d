// The one exception type of the library, and the closed list of its codes.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {

/// What went wrong, in one closed list that every face of the library shares (C++, C, Python,
/// HTTP).
///
/// A value is never reused or renumbered: it is part of the C ABI. The first block carries the
/// codes of the OCI distribution specification ("Error Codes"), the second one what a library adds.
enum class ErrorCode : std::int32_t {
    ok = 0,  ///< Never thrown; the value that a C caller sees on success.

    // OCI distribution specification, table "Error Codes" (code-1 to code-14).
    blob_unknown = 1,           ///< The repository serves no blob of this digest.
    blob_upload_invalid = 2,    ///< The upload cannot go on as asked.
    blob_upload_unknown = 3,    ///< No such upload: never begun, finished, cancelled or expired.
    digest_invalid = 4,         ///< Not a digest, or the content does not hash to it.
    manifest_blob_unknown = 5,  ///< A manifest names a blob or manifest that the repository lacks.
    manifest_invalid = 6,       ///< The manifest cannot be accepted; the message names the field.
    manifest_unknown = 7,       ///< The repository has no such manifest or tag.
    name_invalid = 8,           ///< Not a repository name (or not a tag).
    name_unknown = 9,           ///< No such repository.
    size_invalid = 10,          ///< More or fewer bytes came than were announced.
    unauthorized = 11,          ///< Who are you? Credentials are missing or wrong.
    denied = 12,                ///< Known, but not allowed by whoever decides on access.
    unsupported = 13,           ///< The operation is switched off or does not exist.
    too_many_requests = 14,     ///< A limit was reached; try again later.

    invalid_argument = 100,     ///< A value that no rule allows; the message says which and why.
    invalid_options = 101,      ///< A configuration that cannot work; the message names the field.
    not_found = 102,            ///< No object under this key.
    precondition_failed = 103,  ///< A conditional write found another state than it asked for.
    range_invalid = 104,        ///< The byte range lies outside the object or upload (HTTP 416).
    too_large = 105,            ///< Over a size limit (HTTP 413).
    locked = 106,               ///< The directory is in use by another writer.
    corrupt = 107,              ///< Stored bytes are not what was written; nothing was served.
    incompatible = 108,         ///< The storage was written by a version that this one cannot read.
    io = 109,                   ///< The operating system reported an error; the message has it.
    no_space = 110,             ///< The storage is full; nothing that was acknowledged is lost.
    timeout = 111,              ///< Took longer than the limit allows.
    closed = 112,               ///< The handle or the registry was closed.
    cancelled = 113,            ///< The operation was stopped on request or by shutdown.
    unavailable = 114,          ///< A server that is needed cannot be reached, or is shutting down.
    would_deadlock = 115,       ///< A blocking call on a thread that the library itself needs.
    forked = 116,               ///< Used in a process that was forked after it was opened.
    read_only = 117,            ///< The registry is in read-only mode.
    truncated = 118,            ///< The request's body ended before its announced length.
    malformed = 119,            ///< The bytes of a request break the protocol's grammar.

    in_use = 120,           ///< Cannot be removed while something else refers to it.
    package_unknown = 121,  ///< The registry has no such package, or not in this version.
    package_exists = 122,   ///< Another content is there under this name and version (HTTP 409).

    internal = 199,  ///< A defect of the library; please report it.
};

/// The code's name as the OCI distribution specification writes it (`BLOB_UNKNOWN`), and for the
/// library's own codes in the same style (`INVALID_ARGUMENT`). The text lives for ever.
constexpr std::string_view to_string(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::ok: return "OK";
        case ErrorCode::blob_unknown: return "BLOB_UNKNOWN";
        case ErrorCode::blob_upload_invalid: return "BLOB_UPLOAD_INVALID";
        case ErrorCode::blob_upload_unknown: return "BLOB_UPLOAD_UNKNOWN";
        case ErrorCode::digest_invalid: return "DIGEST_INVALID";
        case ErrorCode::manifest_blob_unknown: return "MANIFEST_BLOB_UNKNOWN";
        case ErrorCode::manifest_invalid: return "MANIFEST_INVALID";
        case ErrorCode::manifest_unknown: return "MANIFEST_UNKNOWN";
        case ErrorCode::name_invalid: return "NAME_INVALID";
        case ErrorCode::name_unknown: return "NAME_UNKNOWN";
        case ErrorCode::size_invalid: return "SIZE_INVALID";
        case ErrorCode::unauthorized: return "UNAUTHORIZED";
        case ErrorCode::denied: return "DENIED";
        case ErrorCode::unsupported: return "UNSUPPORTED";
        case ErrorCode::too_many_requests: return "TOOMANYREQUESTS";
        case ErrorCode::invalid_argument: return "INVALID_ARGUMENT";
        case ErrorCode::invalid_options: return "INVALID_OPTIONS";
        case ErrorCode::not_found: return "NOT_FOUND";
        case ErrorCode::precondition_failed: return "PRECONDITION_FAILED";
        case ErrorCode::range_invalid: return "RANGE_INVALID";
        case ErrorCode::too_large: return "TOO_LARGE";
        case ErrorCode::locked: return "LOCKED";
        case ErrorCode::corrupt: return "CORRUPT";
        case ErrorCode::incompatible: return "INCOMPATIBLE";
        case ErrorCode::io: return "IO";
        case ErrorCode::no_space: return "NO_SPACE";
        case ErrorCode::timeout: return "TIMEOUT";
        case ErrorCode::closed: return "CLOSED";
        case ErrorCode::cancelled: return "CANCELLED";
        case ErrorCode::unavailable: return "UNAVAILABLE";
        case ErrorCode::would_deadlock: return "WOULD_DEADLOCK";
        case ErrorCode::forked: return "FORKED";
        case ErrorCode::read_only: return "READ_ONLY";
        case ErrorCode::truncated: return "TRUNCATED";
        case ErrorCode::malformed: return "MALFORMED";
        case ErrorCode::in_use: return "IN_USE";
        case ErrorCode::package_unknown: return "PACKAGE_UNKNOWN";
        case ErrorCode::package_exists: return "PACKAGE_EXISTS";
        case ErrorCode::internal: return "INTERNAL";
    }
    return "INTERNAL";
}

/// The one exception that the library throws.
///
/// `what()` says what happened, to which thing, and what to do about it; it holds no secret and may
/// be shown to a user. `code()` is for programs. Copying shares the text (the copy cannot throw).
class Error : public std::exception {
 public:
    /// @param code    anything but `ErrorCode::ok`
    /// @param message one sentence or two, without a final line break
    /// @param detail  a JSON value for the `detail` field of an OCI error, or empty
    Error(ErrorCode code, std::string message, std::string detail = {})
        : code_(code),
          state_(std::make_shared<State>(State{std::move(message), std::move(detail)})) {}

    ErrorCode code() const noexcept { return code_; }
    const char* what() const noexcept override { return state_->message.c_str(); }
    const std::string& message() const noexcept { return state_->message; }
    /// A JSON value that tells a program which thing the error is about, or empty.
    const std::string& detail() const noexcept { return state_->detail; }

 private:
    struct State {
        std::string message;
        std::string detail;
    };
    ErrorCode code_;
    std::shared_ptr<const State> state_;
};

}  // namespace pkgreg
