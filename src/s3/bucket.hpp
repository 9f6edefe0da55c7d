// Bucket: the operations of Amazon S3 that a registry needs, typed, each tried again until it
// succeeds or cannot. What S3 is as a network protocol (signatures, XML, errors, retries,
// connections) ends here.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/byte_range.hpp"
#include "pkgreg/s3_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::s3 {

/// An object as HeadObject, GetObject or ListObjectsV2 describe it.
struct ObjectHead {
    std::uint64_t size = 0;
    /// As the server writes it, quotes included.
    std::string etag = {};
    /// Nanoseconds since the Unix epoch (S3 tells seconds or milliseconds).
    std::int64_t modified = 0;
};

struct ListedObject {
    /// The whole key, not encoded.
    std::string key;
    ObjectHead head;
};

struct ObjectList {
    /// In byte order.
    std::vector<ListedObject> objects;
    /// Whether there are more behind the last one.
    bool more = false;
};

/// A multipart upload that is under way.
struct ListedUpload {
    std::string key;
    std::string upload_id;
    /// Nanoseconds since the Unix epoch.
    std::int64_t initiated = 0;
};

struct UploadList {
    std::vector<ListedUpload> uploads;
    /// Markers for the next page; both empty at the end.
    std::string next_key;
    std::string next_upload_id;
};

/// A part that was uploaded (UploadPart) or copied (UploadPartCopy).
struct Part {
    int number = 0;
    std::string etag;
    /// The checksum that was sent with it, as `x-amz-checksum-crc32c` writes it, or empty.
    std::string crc32c = {};
};

/// Conditions of a write; neither is sent when both are empty.
struct WriteCondition {
    /// `If-None-Match: *`
    bool if_absent = false;
    /// `If-Match`; empty: none.
    std::string if_match = {};
};

/// The body of a GetObject, as it comes. One coroutine uses it at a time; destroying it ends the
/// transfer.
class Download {
 public:
    virtual ~Download() = default;

    /// The whole object's.
    virtual const ObjectHead& head() const noexcept = 0;
    /// The next bytes, at most `into.size()`; 0 only at the end. A transfer that breaks is taken up
    /// at the byte where it stopped, from an object with the same etag; throws `corrupt` when there
    /// is another one by then, `not_found` when there is none.
    virtual awaitable<std::size_t> read(std::span<std::byte> into) = 0;
    /// As `ObjectReader::splice`.
    virtual awaitable<std::size_t> splice(int pipe, std::size_t most) = 0;
};

/// A bucket of a server. Every member may be called from any thread, any number at once; the
/// options' `path` is not put in front of keys here. A key is any text of 1 to 1,024 bytes without
/// NUL. Calls must be over before it is destroyed; a `Download` may outlive it. Destroying it waits
/// up to 3 s for what was to be done later.
///
/// Errors: `denied` (keys or permissions; the message has S3's code and the request id),
/// `not_found` (no such bucket or upload), `precondition_failed`, `unsupported` (the server lacks
/// the operation or, for a put, the condition), `unavailable`, `timeout`, `too_large`, `no_space`,
/// `io`. A write that throws `unavailable`, `timeout` or `io` may or may not have happened.
class Bucket {
 public:
    /// Throws `invalid_options`.
    static std::shared_ptr<Bucket> open(S3StoreOptions options);
    virtual ~Bucket() = default;

    /// `s3://bucket at https://endpoint`, for messages.
    virtual const std::string& describe() const noexcept = 0;

    /// HeadObject; nothing when there is no such object.
    virtual awaitable<std::optional<ObjectHead>> head(const std::string& key) = 0;
    /// GetObject, as a whole; null when there is no such object, `too_large` above `limit` bytes.
    virtual awaitable<std::shared_ptr<const std::string>> get(const std::string& key,
                                                              std::size_t limit) = 0;
    /// GetObject of bytes `first` to `last`, both included (`last` may be ~0: to the end); null
    /// when there is no such object. `first` must lie inside the object (`range_invalid`), but an
    /// empty object can be opened from 0.
    virtual awaitable<std::unique_ptr<Download>> open(const std::string& key, std::uint64_t first,
                                                      std::uint64_t last) = 0;

    /// PutObject; the new etag. `owner` keeps `bytes` until the call is over. With a condition that
    /// does not hold: `precondition_failed`, unless it is seen that an earlier try of this very
    /// call wrote the object.
    virtual awaitable<std::string> put(const std::string& key, std::span<const std::byte> bytes,
                                       const WriteCondition& condition) = 0;

    /// CreateMultipartUpload; the upload's id.
    virtual awaitable<std::string> create_upload(const std::string& key) = 0;
    /// UploadPart; `number` is 1 to 10,000. `bytes` are unchanged until the call is over.
    virtual awaitable<Part> upload_part(const std::string& key, const std::string& upload_id,
                                        int number, std::span<const std::byte> bytes) = 0;
    /// UploadPartCopy of bytes `first` to `last` of another object of this bucket.
    virtual awaitable<Part> copy_part(const std::string& key, const std::string& upload_id,
                                      int number, const std::string& source, std::uint64_t first,
                                      std::uint64_t last) = 0;
    /// CompleteMultipartUpload. An answer that never came, or a 200 with an error in it, is settled
    /// by looking at the object, whose size must be `size`: when this returns, it is there.
    virtual awaitable<void> complete_upload(const std::string& key, const std::string& upload_id,
                                            const std::vector<Part>& parts, std::uint64_t size) = 0;
    /// AbortMultipartUpload; not an error when there is no such upload.
    virtual awaitable<void> abort_upload(const std::string& key, const std::string& upload_id) = 0;
    /// The same without waiting for it, tried a few times at most: for destructors.
    virtual void abort_upload_later(std::string key, std::string upload_id) noexcept = 0;
    /// ListMultipartUploads, one page of those whose keys begin with `prefix`.
    virtual awaitable<UploadList> list_uploads(const std::string& prefix,
                                               const std::string& key_marker,
                                               const std::string& upload_id_marker) = 0;

    /// DeleteObject; not an error when there is none.
    virtual awaitable<void> remove(const std::string& key) = 0;
    /// DeleteObjects, in requests of at most 1,000. Throws when one could not be removed.
    virtual awaitable<void> remove(const std::vector<std::string>& keys) = 0;
    /// The same without waiting for it: for what is only tidied up.
    virtual void remove_later(std::vector<std::string> keys) noexcept = 0;

    /// ListObjectsV2 with `start-after`, at most `limit` (1 to 1,000) keys.
    virtual awaitable<ObjectList> list(const std::string& prefix, const std::string& start_after,
                                       std::size_t limit) = 0;

    /// A URL for GetObject that is good for `lifetime` (at most seven days), signed in its query
    /// (signature version 4, "Authenticating Requests: Using Query Parameters").
    virtual awaitable<std::string> presign_get(const std::string& key,
                                               std::chrono::seconds lifetime) = 0;

    /// GetBucketVersioning: `Enabled`, `Suspended`, or empty; also empty where the server does not
    /// tell.
    virtual awaitable<std::string> versioning() = 0;
    /// GetObjectLockConfiguration: whether objects are locked; false where the server does not
    /// tell.
    virtual awaitable<bool> object_lock() = 0;
    /// The server's clock minus this machine's, from the newest answer; nothing before the first
    /// one.
    virtual std::optional<std::chrono::seconds> clock_offset() const noexcept = 0;

    /// How many requests were sent so far, retries included.
    virtual std::uint64_t requests() const noexcept = 0;
};

}  // namespace pkgreg::s3
