#include "s3/bucket.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "s3/checksums.hpp"
#include "s3/client.hpp"
#include "s3/download.hpp"
#include "s3/encoding.hpp"
#include "s3/xml.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <utility>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_keys_per_request = 1'000;
/// What is tidied up later is dropped when the queue is longer: the next sweep finds it again.
constexpr std::size_t most_in_background = 10'000;
/// How long a bucket that is destroyed waits for what is in its background.
constexpr auto background_grace = 3s;
constexpr auto longest_presigned = std::chrono::hours(7 * 24);

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

[[noreturn]] void refuse_option(const std::string& field, const std::string& why) {
    throw Error(ErrorCode::invalid_options, field + ": " + why);
}

void check(const S3StoreOptions& options) {
    const S3CredentialSource& keys = options.credentials;
    if (keys.access_key_id.empty() != keys.secret_access_key.empty()) {
        refuse_option("credentials", "an access key id and a secret access key belong together");
    }
    if (!options.encryption.empty() && options.encryption != "AES256" &&
        options.encryption != "aws:kms") {
        refuse_option("encryption", "it must be AES256 or aws:kms");
    }
    if (!options.kms_key_id.empty() && options.encryption != "aws:kms") {
        refuse_option("kms_key_id", "a key goes with the encryption aws:kms only");
    }
    for (const std::string_view archive : {"GLACIER", "DEEP_ARCHIVE"}) {
        if (options.storage_class == archive) {
            refuse_option("storage_class", "objects of " + options.storage_class +
                                               " have to be restored before they can be read");
        }
    }
    for (const auto& [field, value] :
         {std::pair("region", &options.region), std::pair("kms_key_id", &options.kms_key_id),
          std::pair("storage_class", &options.storage_class)}) {
        const bool visible =
            std::ranges::all_of(*value, [](char c) { return c > ' ' && c < 0x7f; });
        if (!visible) refuse_option(field, "it has blanks or other invisible characters in it");
    }
    if (options.attempts == 0) refuse_option("attempts", "it must be 1 at least");
    if (options.connect_timeout <= 0ms || options.stall_timeout <= 0ms) {
        refuse_option("timeouts", "they must be longer than nothing");
    }
    std::error_code error;
    if (!options.ca_file.empty() && !std::filesystem::exists(options.ca_file, error)) {
        refuse_option("ca_file", "there is no file " + options.ca_file.string());
    }
}

/// The value of an `ETag` header or element, as the server writes it.
std::string etag_of(const Answer& answer) {
    return std::string(find(answer.http.headers, "etag"));
}

bool is_missing(const Answer& answer) {
    return answer.status() == 404 && answer.error.code != "NoSuchBucket";
}

class S3Bucket final : public Bucket {
 public:
    explicit S3Bucket(std::shared_ptr<Client> client)
        : client_(std::move(client)), background_(std::make_unique<WorkPool>(1)) {}

    ~S3Bucket() override {
        client_->end_background(std::chrono::steady_clock::now() + background_grace);
        background_.reset();
    }

    const std::string& describe() const noexcept override { return client_->describe(); }
    std::optional<std::chrono::seconds> clock_offset() const noexcept override {
        return client_->clock_offset();
    }
    std::uint64_t requests() const noexcept override { return client_->requests(); }

    awaitable<std::optional<ObjectHead>> head(const std::string& key) override;
    awaitable<std::shared_ptr<const std::string>> get(const std::string& key,
                                                      std::size_t limit) override;
    awaitable<std::unique_ptr<Download>> open(const std::string& key, std::uint64_t first,
                                              std::uint64_t last) override;
    awaitable<std::string> put(const std::string& key, std::span<const std::byte> bytes,
                               const WriteCondition& condition) override;

    awaitable<std::string> create_upload(const std::string& key) override;
    awaitable<Part> upload_part(const std::string& key, const std::string& upload_id, int number,
                                std::span<const std::byte> bytes) override;
    awaitable<Part> copy_part(const std::string& key, const std::string& upload_id, int number,
                              const std::string& source, std::uint64_t first,
                              std::uint64_t last) override;
    awaitable<void> complete_upload(const std::string& key, const std::string& upload_id,
                                    const std::vector<Part>& parts, std::uint64_t size) override;
    awaitable<void> abort_upload(const std::string& key, const std::string& upload_id) override {
        return abort(key, upload_id, false);
    }
    void abort_upload_later(std::string key, std::string upload_id) noexcept override;
    awaitable<UploadList> list_uploads(const std::string& prefix, const std::string& key_marker,
                                       const std::string& upload_id_marker) override;

    awaitable<void> remove(const std::string& key) override { return remove_one(key, false); }
    awaitable<void> remove(const std::vector<std::string>& keys) override {
        return remove_all(keys, false);
    }
    void remove_later(std::vector<std::string> keys) noexcept override;

    awaitable<ObjectList> list(const std::string& prefix, const std::string& start_after,
                               std::size_t limit) override;
    awaitable<std::string> presign_get(const std::string& key,
                                       std::chrono::seconds lifetime) override;
    awaitable<std::string> versioning() override;
    awaitable<bool> object_lock() override;

 private:
    awaitable<Answer> send_or_throw(const Operation& operation);
    awaitable<void> explain_head(const Operation& operation, const Answer& answer);
    awaitable<std::unique_ptr<Download>> open_empty(const std::string& key,
                                                    const Operation& operation,
                                                    const Answer& answer);
    awaitable<bool> is_stored(const std::string& key, std::uint64_t size);
    awaitable<std::string> etag_of_same(const std::string& key, std::span<const std::byte> bytes);
    awaitable<Answer> configuration(const Operation& operation);
    awaitable<void> abort(const std::string& key, const std::string& upload_id, bool background);
    awaitable<void> remove_one(const std::string& key, bool background);
    awaitable<void> remove_all(const std::vector<std::string>& keys, bool background);
    awaitable<void> remove_batch(std::vector<std::string> keys, bool background);
    void add_object_headers(Operation& operation) const;
    template <class Work>
    void later(Work work) noexcept;

    const std::shared_ptr<Client> client_;
    std::atomic<std::size_t> in_background_{0};
    /// One thread, which does one thing after the other.
    std::unique_ptr<WorkPool> background_;
};

awaitable<Answer> S3Bucket::send_or_throw(const Operation& operation) {
    Answer answer = co_await client_->send(operation);
    if (!answer.is_ok()) throw client_->error(operation, answer);
    co_return answer;
}

// Reading.

awaitable<std::optional<ObjectHead>> S3Bucket::head(const std::string& key) {
    const Operation operation{"HeadObject", "s3:GetObject", "HEAD", key};
    const Answer answer = co_await client_->send(operation);
    if (answer.is_ok()) co_return head_in(answer.http);
    if (answer.status() == 404) co_return std::nullopt;
    co_await explain_head(operation, answer);
    throw client_->error(operation, answer);
}

/// An answer to HEAD has no body and so no reason; the same with GET has one.
awaitable<void> S3Bucket::explain_head(const Operation& operation, const Answer& answer) {
    const bool refused = answer.status() >= 300 && answer.status() < 500;
    if (!refused) co_return;
    Operation get{"GetObject", "s3:GetObject", "GET", operation.key};
    get.headers.push_back({"range", "bytes=0-0"});
    const Answer reason = co_await client_->send(get);
    if (!reason.error.code.empty() && reason.status() == answer.status()) {
        throw client_->error(operation, reason);
    }
}

awaitable<std::shared_ptr<const std::string>> S3Bucket::get(const std::string& key,
                                                            std::size_t limit) {
    Operation operation{"GetObject", "s3:GetObject", "GET", key};
    operation.max_body = limit;
    Answer answer = co_await client_->send(operation);
    if (is_missing(answer)) co_return nullptr;
    if (!answer.is_ok()) throw client_->error(operation, answer);
    co_return std::make_shared<const std::string>(std::move(answer.http.body));
}

awaitable<std::unique_ptr<Download>> S3Bucket::open(const std::string& key, std::uint64_t first,
                                                    std::uint64_t last) {
    constexpr std::uint64_t to_the_end = ~std::uint64_t{0};
    Operation operation{"GetObject", "s3:GetObject", "GET", key};
    const bool whole = first == 0 && last == to_the_end;
    if (!whole) {
        std::string range = "bytes=" + std::to_string(first) + "-";
        if (last != to_the_end) range += std::to_string(last);
        operation.headers.push_back({"range", std::move(range)});
    }
    Client::Opened opened = co_await client_->open(operation);
    const Answer& answer = opened.answer;
    if (is_missing(answer)) co_return nullptr;
    if (answer.status() == 416 && first == 0) {
        co_return co_await open_empty(key, operation, answer);
    }
    if (!opened.body) throw client_->error(operation, answer);
    ObjectHead head = head_in(answer.http);
    if (first > 0 && (answer.status() != 206 || first >= head.size)) {
        throw Error(ErrorCode::io, describe() +
                                       ": the server ignores the range in a GetObject of '" + key +
                                       "'; is a proxy in the way?");
    }
    const std::uint64_t end = last < head.size ? last + 1 : head.size;
    co_return std::make_unique<ObjectDownload>(client_, key, std::move(head), first, end,
                                               std::move(opened.body));
}

/// No range lies in an empty object, not even one from its beginning.
awaitable<std::unique_ptr<Download>> S3Bucket::open_empty(const std::string& key,
                                                          const Operation& operation,
                                                          const Answer& answer) {
    std::optional<ObjectHead> found = co_await head(key);
    if (!found) co_return nullptr;
    if (found->size != 0) throw client_->error(operation, answer);
    co_return std::make_unique<ObjectDownload>(client_, key, *std::move(found), 0, 0, nullptr);
}

// Writing.

void S3Bucket::add_object_headers(Operation& operation) const {
    const S3StoreOptions& options = client_->options();
    const auto add = [&operation](const char* name, const std::string& value) {
        if (!value.empty()) operation.headers.push_back({name, value});
    };
    add("x-amz-server-side-encryption", options.encryption);
    add("x-amz-server-side-encryption-aws-kms-key-id", options.kms_key_id);
    add("x-amz-storage-class", options.storage_class);
}

awaitable<std::string> S3Bucket::put(const std::string& key, std::span<const std::byte> bytes,
                                     const WriteCondition& condition) {
    Operation operation{"PutObject", "s3:PutObject", "PUT", key};
    operation.body = bytes;
    add_object_headers(operation);
    if (condition.if_absent) operation.headers.push_back({"if-none-match", "*"});
    if (!condition.if_match.empty()) {
        operation.headers.push_back({"if-match", condition.if_match});
    }
    co_await client_->guard(operation);
    const Answer answer = co_await client_->send(operation);
    if (answer.is_ok()) co_return etag_of(answer);
    // The condition may be broken by an earlier try of this very call.
    if (answer.status() == 412 && answer.maybe_done_before) {
        std::string etag = co_await etag_of_same(key, bytes);
        if (!etag.empty()) co_return etag;
    }
    throw client_->error(operation, answer);
}

/// The etag of the object if its bytes are these, else an empty text.
awaitable<std::string> S3Bucket::etag_of_same(const std::string& key,
                                              std::span<const std::byte> bytes) {
    Operation operation{"GetObject", "s3:GetObject", "GET", key};
    operation.max_body = bytes.size();
    const Answer answer = co_await client_->send(operation);
    const std::string& body = answer.http.body;
    const bool same = answer.is_ok() && body.size() == bytes.size() &&
                      std::equal(bytes.begin(), bytes.end(), bytes_of(body).begin());
    co_return same ? etag_of(answer) : std::string();
}

awaitable<std::string> S3Bucket::create_upload(const std::string& key) {
    Operation operation{"CreateMultipartUpload", "s3:PutObject", "POST", key};
    operation.query.push_back({"uploads", ""});
    add_object_headers(operation);
    if (client_->sends_crc32c()) {
        operation.headers.push_back({"x-amz-checksum-algorithm", "CRC32C"});
    }
    const Answer answer = co_await send_or_throw(operation);
    co_return read_upload_id(answer.http.body);
}

awaitable<Part> S3Bucket::upload_part(const std::string& key, const std::string& upload_id,
                                      int number, std::span<const std::byte> bytes) {
    Operation operation{"UploadPart", "s3:PutObject", "PUT", key};
    operation.query.push_back({"partNumber", std::to_string(number)});
    operation.query.push_back({"uploadId", upload_id});
    operation.body = bytes;
    Part part;
    part.number = number;
    part.crc32c = co_await client_->guard(operation);
    const Answer answer = co_await send_or_throw(operation);
    part.etag = etag_of(answer);
    co_return part;
}

awaitable<Part> S3Bucket::copy_part(const std::string& key, const std::string& upload_id,
                                    int number, const std::string& source, std::uint64_t first,
                                    std::uint64_t last) {
    Operation operation{"UploadPartCopy", "s3:PutObject", "PUT", key};
    operation.query.push_back({"partNumber", std::to_string(number)});
    operation.query.push_back({"uploadId", upload_id});
    operation.headers.push_back(
        {"x-amz-copy-source", uri_encode_path("/" + client_->options().bucket + "/" + source)});
    operation.headers.push_back(
        {"x-amz-copy-source-range", "bytes=" + std::to_string(first) + "-" + std::to_string(last)});
    operation.error_in_success = true;
    const Answer answer = co_await send_or_throw(operation);
    Part part;
    part.number = number;
    part.etag = read_copied_etag(answer.http.body);
    co_return part;
}

awaitable<void> S3Bucket::complete_upload(const std::string& key, const std::string& upload_id,
                                          const std::vector<Part>& parts, std::uint64_t size) {
    const std::string document = write_completion(parts);
    Operation operation{"CompleteMultipartUpload", "s3:PutObject", "POST", key};
    operation.query.push_back({"uploadId", upload_id});
    operation.body = bytes_of(document);
    operation.error_in_success = true;
    const Answer answer = co_await client_->send(operation);
    if (answer.is_ok() && is_completion(answer.http.body)) co_return;
    // Done, but nobody said so? Then the upload is gone and the object is there.
    const bool unclear = answer.is_ok() || answer.maybe_done_before || is_unclear(answer) ||
                         answer.error.code == "NoSuchUpload" || answer.error.code == "InvalidPart";
    if (unclear) {
        const bool stored = co_await is_stored(key, size);
        if (stored) co_return;
    }
    if (answer.is_ok()) {
        throw Error(ErrorCode::io, describe() + ": CompleteMultipartUpload of '" + key +
                                       "' was answered with something else");
    }
    throw client_->error(operation, answer);
}

awaitable<bool> S3Bucket::is_stored(const std::string& key, std::uint64_t size) {
    try {
        const std::optional<ObjectHead> found = co_await head(key);
        co_return found && found->size == size;
    } catch (const Error&) {
        // What led here is the better error.
        co_return false;
    }
}

awaitable<void> S3Bucket::abort(const std::string& key, const std::string& upload_id,
                                bool background) {
    Operation operation{"AbortMultipartUpload", "s3:AbortMultipartUpload", "DELETE", key};
    operation.query.push_back({"uploadId", upload_id});
    operation.background = background;
    const Answer answer = co_await client_->send(operation);
    if (!answer.is_ok() && !is_missing(answer)) throw client_->error(operation, answer);
}

// Removing.

awaitable<void> S3Bucket::remove_one(const std::string& key, bool background) {
    Operation operation{"DeleteObject", "s3:DeleteObject", "DELETE", key};
    operation.background = background;
    const Answer answer = co_await client_->send(operation);
    if (!answer.is_ok() && !is_missing(answer)) throw client_->error(operation, answer);
}

awaitable<void> S3Bucket::remove_all(const std::vector<std::string>& keys, bool background) {
    std::vector<std::string> batch;
    for (const std::string& key : keys) {
        if (!fits_xml(key)) {
            co_await remove_one(key, background);
            continue;
        }
        batch.push_back(key);
        if (batch.size() == most_keys_per_request) {
            co_await remove_batch(std::exchange(batch, {}), background);
        }
    }
    if (!batch.empty()) co_await remove_batch(std::move(batch), background);
}

awaitable<void> S3Bucket::remove_batch(std::vector<std::string> keys, bool background) {
    for (unsigned failures = 0;;) {
        const std::string document = write_removal(keys);
        Operation operation{"DeleteObjects", "s3:DeleteObject", "POST"};
        operation.query.push_back({"delete", ""});
        operation.body = bytes_of(document);
        // The one request that S3 wants a checksum for.
        operation.headers.push_back({"content-md5", content_md5(operation.body)});
        operation.background = background;
        const Answer answer = co_await send_or_throw(operation);

        std::vector<FailedRemoval> failed = read_failed_removals(answer.http.body);
        std::erase_if(failed, [](const FailedRemoval& removal) {
            return removal.error.code == "NoSuchKey" || removal.error.code == "NoSuchVersion";
        });
        if (failed.empty()) co_return;
        Answer first = answer;
        first.error = failed.front().error;
        first.tries = ++failures;
        operation.key = failed.front().key;
        const bool may_pass = std::ranges::all_of(failed, [&answer](const FailedRemoval& removal) {
            Answer one;
            one.http.status = answer.http.status;
            one.error = removal.error;
            return judge(one) == Verdict::again;
        });
        const bool over = background && client_->background_is_ending();
        if (!may_pass || over || failures >= client_->options().attempts) {
            throw client_->error(operation, first);
        }
        keys.clear();
        for (FailedRemoval& removal : failed) keys.push_back(std::move(removal.key));
        co_await client_->transport().pause(Client::back_off(failures), background);
    }
}

// In the background. A failure is nobody's business: what is left over, the next sweep finds.

template <class Work>
void S3Bucket::later(Work work) noexcept {
    try {
        if (in_background_.fetch_add(1) < most_in_background) {
            background_->post([this, work = std::move(work)] {
                try {
                    if (!client_->background_is_over()) work();
                } catch (const std::exception&) {
                }
                --in_background_;
            });
            return;
        }
    } catch (const std::exception&) {
    }
    --in_background_;
}

void S3Bucket::abort_upload_later(std::string key, std::string upload_id) noexcept {
    later([this, key = std::move(key), upload_id = std::move(upload_id)] {
        detail::drive(abort(key, upload_id, true));
    });
}

void S3Bucket::remove_later(std::vector<std::string> keys) noexcept {
    later([this, keys = std::move(keys)] { detail::drive(remove_all(keys, true)); });
}

// Listing, and the bucket itself.

awaitable<ObjectList> S3Bucket::list(const std::string& prefix, const std::string& start_after,
                                     std::size_t limit) {
    Operation operation{"ListObjectsV2", "s3:ListBucket", "GET"};
    operation.query.push_back({"list-type", "2"});
    operation.query.push_back({"encoding-type", "url"});
    operation.query.push_back(
        {"max-keys", std::to_string(std::clamp<std::size_t>(limit, 1, most_keys_per_request))});
    if (!prefix.empty()) operation.query.push_back({"prefix", prefix});
    if (!start_after.empty()) operation.query.push_back({"start-after", start_after});
    const Answer answer = co_await send_or_throw(operation);
    co_return read_object_list(answer.http.body);
}

awaitable<UploadList> S3Bucket::list_uploads(const std::string& prefix,
                                             const std::string& key_marker,
                                             const std::string& upload_id_marker) {
    Operation operation{"ListMultipartUploads", "s3:ListBucketMultipartUploads", "GET"};
    operation.query.push_back({"uploads", ""});
    operation.query.push_back({"encoding-type", "url"});
    if (!prefix.empty()) operation.query.push_back({"prefix", prefix});
    if (!key_marker.empty()) operation.query.push_back({"key-marker", key_marker});
    if (!upload_id_marker.empty()) {
        operation.query.push_back({"upload-id-marker", upload_id_marker});
    }
    const Answer answer = co_await send_or_throw(operation);
    co_return read_upload_list(answer.http.body);
}

awaitable<std::string> S3Bucket::presign_get(const std::string& key,
                                             std::chrono::seconds lifetime) {
    if (lifetime < 1s || lifetime > longest_presigned) {
        throw Error(ErrorCode::invalid_argument, "a signed URL is good for 1 s to 7 days");
    }
    return client_->presign_get(key, lifetime);
}

/// An answer about the bucket's configuration; a refusal is one that is not a success, since not
/// every server has one and not everybody may read it.
awaitable<Answer> S3Bucket::configuration(const Operation& operation) {
    Answer answer = co_await client_->send(operation);
    const bool no_matter = answer.status() == 400 || answer.status() == 405 ||
                           answer.status() == 501 || answer.error.code == "AccessDenied" ||
                           is_missing(answer);
    if (!answer.is_ok() && !no_matter) throw client_->error(operation, answer);
    co_return answer;
}

awaitable<std::string> S3Bucket::versioning() {
    Operation operation{"GetBucketVersioning", "s3:GetBucketVersioning", "GET"};
    operation.query.push_back({"versioning", ""});
    const Answer answer = co_await configuration(operation);
    co_return answer.is_ok() ? read_versioning(answer.http.body) : std::string();
}

awaitable<bool> S3Bucket::object_lock() {
    Operation operation{"GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", "GET"};
    operation.query.push_back({"object-lock", ""});
    const Answer answer = co_await configuration(operation);
    if (!answer.is_ok()) co_return false;
    try {
        co_return read_object_lock(answer.http.body);
    } catch (const Error&) {
        // Swift does not know the question and lists the bucket.
        co_return false;
    }
}

}  // namespace

std::shared_ptr<Bucket> Bucket::open(S3StoreOptions options) {
    check(options);
    return std::make_shared<S3Bucket>(
        std::make_shared<Client>(std::move(options), Environment::of_this_process()));
}

}  // namespace pkgreg::s3
