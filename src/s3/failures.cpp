#include "s3/failures.hpp"

#include "s3/timestamps.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;

/// A 403 without a code counts as one about the clock beyond this; S3 tolerates 15 minutes.
constexpr auto suspicious_offset = 4min;

bool is_one_of(const auto& code, auto... names) noexcept {
    return ((code == names) || ...);
}

bool is_about_keys(std::string_view code) noexcept {
    return is_one_of(code, "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken",
                     "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired",
                     "InvalidClientTokenId", "AuthFailure");
}

bool is_about_time(std::string_view code) noexcept {
    return is_one_of(code, "RequestTimeTooSkewed", "RequestExpired");
}

bool may_pass(Failure failure) noexcept {
    switch (failure) {
        case Failure::resolve:
        case Failure::connect:
        case Failure::connect_timeout:
        case Failure::tls:
        case Failure::stalled:
        case Failure::broken: return true;
        default: return false;
    }
}

bool may_pass(int status, std::string_view code) noexcept {
    if (status == 501 || is_one_of(code, "NotImplemented")) return false;
    // No time makes room.
    if (status == 507 || is_one_of(code, "QuotaExceeded", "InsufficientStorage")) return false;
    return status >= 500 || status == 429 || status == 408 || status == 425 ||
           is_one_of(code, "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout",
                     "OperationAborted", "ConditionalRequestConflict", "Throttling",
                     "TooManyRequests", "RequestThrottled", "BandwidthLimitExceeded",
                     // Damaged on the way: the bytes are sent as they were hashed.
                     "BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch",
                     "IncompleteBody");
}

/// Text of a server's for a message: one line of visible characters, not too long.
std::string plain(std::string_view text) {
    constexpr std::size_t most = 300;
    std::string out;
    for (const char c : text.substr(0, most)) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
    }
    if (text.size() > most) out += "...";
    return out;
}

std::string request_id_of(const Answer& answer) {
    const std::string_view header = find(answer.http.headers, "x-amz-request-id");
    return plain(header.empty() ? std::string_view(answer.error.request_id) : header);
}

std::string with_sign(std::chrono::seconds offset) {
    const std::string amount = std::to_string(std::abs(offset.count())) + " s";
    return amount + (offset > 0s ? " behind the server's" : " ahead of the server's");
}

ErrorCode code_of_failure(Failure failure) noexcept {
    switch (failure) {
        case Failure::connect_timeout:
        case Failure::stalled: return ErrorCode::timeout;
        case Failure::too_large: return ErrorCode::too_large;
        case Failure::closed: return ErrorCode::cancelled;
        case Failure::other: return ErrorCode::io;
        default: return ErrorCode::unavailable;
    }
}

std::string_view advice_on_failure(Failure failure) noexcept {
    switch (failure) {
        case Failure::resolve: return "check the endpoint's host name, and the network's DNS";
        case Failure::connect:
        case Failure::connect_timeout:
            return "check that the endpoint is right, that the server runs, and that a firewall or "
                   "a proxy lets this machine reach it";
        case Failure::certificate:
            return "give the certificate of the authority that signed the server's as 'ca_file', "
                   "or "
                   "name the host that the server's certificate is for";
        case Failure::tls:
            return "check that the endpoint speaks TLS on this port (https or http?)";
        case Failure::stalled:
        case Failure::broken: return "check the server and the network between";
        default: return {};
    }
}

ErrorCode code_of_answer(const Answer& answer) noexcept {
    const std::string_view code = answer.error.code;
    if (is_one_of(code, "NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NoSuchVersion")) {
        return ErrorCode::not_found;
    }
    if (is_one_of(code, "QuotaExceeded", "InsufficientStorage", "InsufficientCapacity")) {
        return ErrorCode::no_space;
    }
    if (is_one_of(code, "EntityTooLarge", "MaxMessageLengthExceeded", "KeyTooLongError")) {
        return ErrorCode::too_large;
    }
    if (is_about_keys(code) || is_about_time(code)) return ErrorCode::denied;
    switch (answer.status()) {
        case 401:
        case 403: return ErrorCode::denied;
        case 404: return ErrorCode::not_found;
        case 405:
        case 501: return ErrorCode::unsupported;
        case 412: return ErrorCode::precondition_failed;
        case 413: return ErrorCode::too_large;
        case 416: return ErrorCode::range_invalid;
        case 507: return ErrorCode::no_space;
        default: return may_pass(answer.status(), code) ? ErrorCode::unavailable : ErrorCode::io;
    }
}

std::string advice_on_answer(const Answer& answer, const Asked& asked) {
    const std::string_view code = answer.error.code;
    if (code == "InvalidAccessKeyId") {
        return "the server does not know this access key id: check which keys are configured";
    }
    if (code == "SignatureDoesNotMatch") {
        return "the secret access key does not belong to the access key id: check the secret";
    }
    if (is_about_time(code)) {
        std::string advice = "the signature's time was refused: set this machine's clock";
        if (asked.clock_offset != 0s) advice += ", which is " + with_sign(asked.clock_offset);
        return advice;
    }
    if (is_about_keys(code)) return "the session has ended: its keys have to be renewed";
    if (code == "NoSuchBucket") {
        return "there is no such bucket at this endpoint: create it, or correct 'bucket' or "
               "'endpoint'";
    }
    if (code == "AuthorizationHeaderMalformed") return "check 'region'";
    if (answer.status() == 403 || answer.status() == 401) {
        std::string advice = "the keys may lack the permission " + std::string(asked.action) +
                             " on arn:aws:s3:::" + std::string(asked.bucket);
        if (!asked.key.empty()) advice += "/" + plain(asked.key);
        return advice + ": grant it, or use other keys";
    }
    if (answer.status() >= 300 && answer.status() < 400) {
        return "the bucket is elsewhere: correct 'region' or 'endpoint'";
    }
    switch (code_of_answer(answer)) {
        case ErrorCode::no_space: return "the storage is full: make room or raise the quota";
        case ErrorCode::unsupported: return "the server does not support this";
        case ErrorCode::unavailable: return "the server is overloaded or in trouble; try later";
        default: return {};
    }
}

}  // namespace

Answer read_answer(HttpAnswer http, bool error_in_success) {
    Answer answer;
    answer.http = std::move(http);
    const bool failed = answer.http.status >= 300;
    if (failed || (error_in_success && answer.http.failure == Failure::none)) {
        if (auto error = read_error(answer.http.body)) {
            answer.error = *std::move(error);
            if (answer.error.code.empty()) answer.error.code = "UnknownError";
        }
    }
    return answer;
}

Verdict judge(const Answer& answer) {
    // An error's reason may be torn off.
    if (answer.http.failure != Failure::none &&
        (answer.http.status < 300 || answer.error.code.empty())) {
        return may_pass(answer.http.failure) ? Verdict::again : Verdict::final;
    }
    if (answer.is_ok()) return Verdict::final;
    const std::string_view code = answer.error.code;
    if (is_about_time(code)) return Verdict::wrong_clock;
    if (is_about_keys(code)) return Verdict::wrong_keys;
    if (!region_of(answer).empty() &&
        (is_one_of(code, "AuthorizationHeaderMalformed", "PermanentRedirect", "TemporaryRedirect",
                   "IncorrectEndpoint", "IllegalLocationConstraintException") ||
         (code.empty() && is_one_of(answer.status(), 301, 307, 308, 400)))) {
        return Verdict::wrong_region;
    }
    // HEAD is answered without a body.
    if (answer.status() == 403 && code.empty()) {
        const auto offset = clock_offset(answer, std::chrono::system_clock::now());
        const bool skewed = offset && std::chrono::abs(*offset) > suspicious_offset;
        return skewed ? Verdict::wrong_clock : Verdict::wrong_keys;
    }
    return may_pass(answer.status(), code) ? Verdict::again : Verdict::final;
}

bool is_unclear(const Answer& answer) noexcept {
    if (answer.http.sends > 1) return true;
    if (answer.http.failure != Failure::none) return answer.http.sends > 0;
    return answer.status() >= 500 || (answer.http.is_success() && !answer.error.code.empty());
}

std::string region_of(const Answer& answer) {
    std::string region(find(answer.http.headers, "x-amz-bucket-region"));
    if (region.empty()) region = answer.error.region;
    const bool fits = region.size() <= 64 && std::ranges::all_of(region, [](char c) {
                          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                      });
    return fits ? region : std::string();
}

std::optional<std::chrono::seconds> retry_after(const Answer& answer) {
    const std::string_view text = find(answer.http.headers, "retry-after");
    unsigned seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return std::chrono::seconds(seconds);
}

std::optional<std::chrono::seconds> clock_offset(const Answer& answer,
                                                 std::chrono::system_clock::time_point now) {
    const auto date = parse_http_date(find(answer.http.headers, "date"));
    if (!date) return std::nullopt;
    return *date - std::chrono::floor<std::chrono::seconds>(now);
}

Error error_of(const Answer& answer, const Asked& asked) {
    std::string text = asked.where + ": " + std::string(asked.operation);
    if (!asked.key.empty()) text += " of '" + plain(asked.key) + "'";
    if (answer.tries > 1) text += ", tried " + std::to_string(answer.tries) + " times";
    text += ": ";
    const bool no_answer = answer.http.status < 300 && answer.http.failure != Failure::none;
    ErrorCode code;
    std::string advice;
    if (no_answer) {
        code = code_of_failure(answer.http.failure);
        advice = advice_on_failure(answer.http.failure);
        text += plain(answer.http.failure_text);
    } else {
        code = code_of_answer(answer);
        advice = advice_on_answer(answer, asked);
        if (!answer.error.code.empty()) text += plain(answer.error.code) + " (";
        text += "HTTP " + std::to_string(answer.status());
        if (const std::string id = request_id_of(answer); !id.empty()) {
            text += answer.error.code.empty() ? ", request " + id : ", request " + id;
        }
        if (!answer.error.code.empty()) text += ")";
        if (!answer.error.message.empty()) text += ": " + plain(answer.error.message);
    }
    while (text.ends_with('.') || text.ends_with(' ')) text.pop_back();
    if (!advice.empty()) text += "; " + advice;
    return Error(code, std::move(text));
}

}  // namespace pkgreg::s3
