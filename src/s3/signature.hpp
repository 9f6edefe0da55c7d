// AWS Signature Version 4 for S3 (Amazon S3 API Reference, "Authenticating Requests (AWS Signature
// Version 4)"), as functions of a request's parts: in a header, or in the query of a URL.
#pragma once

#include "s3/credentials.hpp"
#include "s3/fields.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

/// The payload is not part of the signature; over TLS, or with a checksum beside it.
inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";
/// The SHA-256 of no bytes.
inline constexpr std::string_view empty_payload =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request as its signature sees it.
struct SignableRequest {
    std::string method;
    /// Encoded, with the slash in front.
    std::string path;
    /// Not encoded.
    Fields query = {};
    /// All that are to be signed, `host` among them; names in lower case, values without blanks at
    /// the ends.
    Fields headers = {};
    /// SHA-256 in hexadecimal, or `unsigned_payload`.
    std::string payload_hash;
};

/// The query as it is signed, which is also a form to send it in: encoded, in order, without `?`.
std::string canonical_query(const Fields& query);

/// Adds `x-amz-content-sha256`, `x-amz-date`, where there is a session `x-amz-security-token`, and
/// `authorization` to the headers.
void sign(SignableRequest& request, const Credentials& credentials, std::string_view region,
          std::chrono::sys_seconds time);

/// Adds the parameters of a signed URL to the query.
void presign(SignableRequest& request, const Credentials& credentials, std::string_view region,
             std::chrono::sys_seconds time, std::chrono::seconds lifetime);

}  // namespace pkgreg::s3
