// Responses that every protocol gives: errors, JSON, and content with validators and ranges.
#pragma once

#include "pkgreg/error.hpp"
#include "pkgreg/http.hpp"

#include <string>
#include <string_view>

namespace pkgreg {

/// The status that an error is answered with.
unsigned http_status(ErrorCode code) noexcept;

/// An error as the OCI distribution specification writes it ("Error Codes"). In answers below 500
/// the code is one of the specification's table.
HttpResponse error_response(const Error& error);

/// A JSON document.
HttpResponse json_response(unsigned status, std::string text,
                           std::string_view content_type = "application/json");

/// Whether a condition like `If-None-Match: "a", W/"b"` or `*` names this entity tag (RFC 9110,
/// section 13.1.2). `etag` comes with its quotes.
bool matches_etag(std::string_view condition, std::string_view etag) noexcept;

/// What a GET or HEAD asks for, once its conditions are known.
class ContentRequest {
 public:
    /// @param etag with its quotes
    ContentRequest(const HttpRequest& request, std::string_view etag);

    /// Answer 304 without looking any further (RFC 9110, section 13.1.2).
    bool not_modified() const noexcept { return not_modified_; }
    /// The range to send. Everything for HEAD, for a `Range` that cannot be read, and when
    /// `If-Range` names other content (RFC 9110, section 13.1.5).
    const ByteRange& range() const noexcept { return range_; }

 private:
    bool not_modified_ = false;
    ByteRange range_;
};

/// Starts a response to a request for content: 200, 206 with `Content-Range`, or 416.
/// @param selected the part that the range selects; nothing: it cannot be satisfied
HttpResponse content_response(const ContentRequest& request, std::uint64_t size,
                              const std::optional<ByteInterval>& selected);

}  // namespace pkgreg
