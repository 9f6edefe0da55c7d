#include "protocol/responses.hpp"

#include "base/json_text.hpp"

#include <utility>

namespace pkgreg {
namespace {

/// The specification's name for the code in answers below 500, which "MUST be one of the
/// following".
std::string_view oci_code(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::in_use: return "DENIED";
        case ErrorCode::range_invalid: return "BLOB_UPLOAD_INVALID";
        case ErrorCode::truncated:
        case ErrorCode::timeout: return "BLOB_UPLOAD_INVALID";
        case ErrorCode::too_large: return "SIZE_INVALID";
        case ErrorCode::not_found: return "NAME_UNKNOWN";
        case ErrorCode::invalid_argument:
        case ErrorCode::malformed:
        case ErrorCode::precondition_failed:
        case ErrorCode::read_only: return "UNSUPPORTED";
        default: return to_string(code);
    }
}

}  // namespace

unsigned http_status(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::ok: return 200;
        case ErrorCode::blob_unknown:
        case ErrorCode::blob_upload_unknown:
        case ErrorCode::manifest_unknown:
        case ErrorCode::name_unknown:
        case ErrorCode::package_unknown:
        case ErrorCode::not_found: return 404;
        case ErrorCode::blob_upload_invalid:
        case ErrorCode::digest_invalid:
        case ErrorCode::manifest_blob_unknown:
        case ErrorCode::manifest_invalid:
        case ErrorCode::name_invalid:
        case ErrorCode::size_invalid:
        case ErrorCode::invalid_argument:
        case ErrorCode::truncated:
        case ErrorCode::malformed: return 400;
        case ErrorCode::unauthorized: return 401;
        case ErrorCode::denied: return 403;
        case ErrorCode::unsupported:
        case ErrorCode::in_use:
        case ErrorCode::read_only: return 405;
        case ErrorCode::timeout: return 408;
        case ErrorCode::package_exists: return 409;
        case ErrorCode::precondition_failed: return 412;
        case ErrorCode::too_large: return 413;
        case ErrorCode::range_invalid: return 416;
        case ErrorCode::too_many_requests: return 429;
        case ErrorCode::closed:
        case ErrorCode::cancelled:
        case ErrorCode::unavailable: return 503;
        case ErrorCode::no_space: return 507;
        case ErrorCode::invalid_options:
        case ErrorCode::locked:
        case ErrorCode::corrupt:
        case ErrorCode::incompatible:
        case ErrorCode::io:
        case ErrorCode::would_deadlock:
        case ErrorCode::forked:
        case ErrorCode::internal: return 500;
    }
    return 500;
}

HttpResponse error_response(const Error& error) {
    const unsigned status = http_status(error.code());
    std::string text = "{\"errors\":[{\"code\":\"";
    text.append(status < 500 ? oci_code(error.code()) : to_string(error.code()));
    text.append("\",\"message\":");
    append_json_string(text, error.message());
    if (!error.detail().empty()) text.append(",\"detail\":").append(error.detail());
    text.append("}]}\n");
    return json_response(status, std::move(text));
}

HttpResponse json_response(unsigned status, std::string text, std::string_view content_type) {
    HttpResponse response(status);
    response.header("Content-Type", content_type);
    response.set_body(ResponseBody(std::move(text)));
    return response;
}

bool matches_etag(std::string_view condition, std::string_view etag) noexcept {
    while (!condition.empty()) {
        const char c = condition.front();
        if (c == '*') return true;
        if (c == '"') {
            const std::size_t end = condition.find('"', 1);
            if (end == std::string_view::npos) return false;
            if (condition.substr(0, end + 1) == etag) return true;
            condition.remove_prefix(end + 1);
        } else {
            condition.remove_prefix(1);  // blanks, commas, and the W/ of a weak tag
        }
    }
    return false;
}

ContentRequest::ContentRequest(const HttpRequest& request, std::string_view etag) {
    if (const auto condition = request.header("If-None-Match")) {
        not_modified_ = matches_etag(*condition, etag);
    }
    const auto range = request.header("Range");
    if (!range || request.method != HttpMethod::get) return;
    const auto condition = request.header("If-Range");
    // A weak tag or a date is not strong enough to join parts on: then all is sent again.
    if (condition && *condition != etag) return;
    range_ = ByteRange::try_parse(*range).value_or(ByteRange());
}

HttpResponse content_response(const ContentRequest& request, std::uint64_t size,
                              const std::optional<ByteInterval>& selected) {
    if (!selected) {
        HttpResponse response =
            error_response(Error(ErrorCode::range_invalid,
                                 "the content has " + std::to_string(size) +
                                     " bytes; the range that was asked for begins behind them"));
        response.header("Content-Range", "bytes */" + std::to_string(size));
        return response;
    }
    if (request.range().is_everything()) {
        HttpResponse response(200);
        response.header("Accept-Ranges", "bytes");
        return response;
    }
    HttpResponse response(206);
    response.header("Content-Range", "bytes " + std::to_string(selected->offset) + "-" +
                                         std::to_string(selected->end() - 1) + "/" +
                                         std::to_string(size));
    return response;
}

}  // namespace pkgreg
