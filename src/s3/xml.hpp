// The documents of the S3 protocol, both ways. What a server sends is not trusted: text that is not
// the expected document throws `io`.
#pragma once

#include "s3/bucket.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::s3 {

/// `<Error>`, whichever elements it has.
struct ErrorDocument {
    std::string code;
    std::string message;
    std::string request_id;
    /// Where the bucket is, when the request was signed for another region.
    std::string region;
};

/// Nothing when the text is another document or none.
std::optional<ErrorDocument> read_error(std::string_view xml);

/// `<ListBucketResult>` of a request with `encoding-type=url`.
ObjectList read_object_list(std::string_view xml);
/// `<ListMultipartUploadsResult>`, likewise.
UploadList read_upload_list(std::string_view xml);
/// `<InitiateMultipartUploadResult>`
std::string read_upload_id(std::string_view xml);
/// `<CopyPartResult>`
std::string read_copied_etag(std::string_view xml);
/// Whether the text is a `<CompleteMultipartUploadResult>`. (Ceph leaves its `<ETag>` empty.)
bool is_completion(std::string_view xml);

struct FailedRemoval {
    std::string key;
    ErrorDocument error;
};
/// `<DeleteResult>` of a quiet request.
std::vector<FailedRemoval> read_failed_removals(std::string_view xml);

/// `<VersioningConfiguration>`: its status, which may be empty; so it is for another document
/// (Swift overlooks parameters that it does not know, and lists objects).
std::string read_versioning(std::string_view xml);
/// `<ObjectLockConfiguration>`: whether it is enabled; false for another document.
bool read_object_lock(std::string_view xml);

std::string write_completion(const std::vector<Part>& parts);
std::string write_removal(std::span<const std::string> keys);
/// Whether XML can hold the key: control characters have no form in it.
bool fits_xml(std::string_view key) noexcept;

}  // namespace pkgreg::s3
