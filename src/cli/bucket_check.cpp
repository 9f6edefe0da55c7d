#include "cli/bucket_check.hpp"

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "base/random_id.hpp"
#include "cli/exit_code.hpp"
#include "cli/http_client.hpp"
#include "s3/bucket.hpp"
#include "store/storage_places.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <fmt/core.h>
#include <initializer_list>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pkgreg::cli {
namespace {

using namespace std::chrono_literals;

/// The smallest part that S3 takes before the last one.
constexpr std::size_t part_size = std::size_t{5} << 20;
constexpr std::size_t small_size = 1000;
/// What an interrupted check left behind is removed by a later one when it is this old.
constexpr auto leftover_age = 1h;
/// Signatures are good for 15 minutes; a clock that is off by less than this is as good as right.
constexpr auto tolerable_offset = 60s;

constexpr const char* one_put = "put an object";
constexpr const char* multipart = "upload in parts";

/// Bytes that look like nothing else, and compress badly.
std::string make_content(std::size_t size) {
    std::mt19937_64 numbers{std::random_device()()};
    std::string content(size, '\0');
    for (char& c : content) c = static_cast<char>(numbers());
    return content;
}

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

bool mentions(const Error& error, std::initializer_list<std::string_view> codes) {
    return std::ranges::any_of(codes, [&](std::string_view code) {
        return error.message().find(code) != std::string::npos;
    });
}

/// The code of S3 in an error's message, or the kind of the error.
std::string short_reason(const Error& error) {
    const std::string& text = error.message();
    const std::size_t status = text.find(" (HTTP ");
    if (status == std::string::npos) return std::string(to_string(error.code()));
    const std::size_t before = text.rfind(' ', status - 1);
    return text.substr(before + 1, status - before - 1);
}

[[noreturn]] void fail(const std::string& what) {
    throw Error(ErrorCode::corrupt, what);
}

/// The region that a signed URL names: that of the bucket, as far as the server has told.
std::string region_in(const std::string& url) {
    constexpr std::string_view name = "X-Amz-Credential=";
    const std::size_t at = url.find(name);
    if (at == std::string::npos) return {};
    // KEY/20260131/us-east-1/s3/aws4_request, its slashes encoded.
    std::string_view rest = std::string_view(url).substr(at + name.size());
    rest = rest.substr(0, rest.find('&'));
    for (int i = 0; i < 2; ++i) {
        const std::size_t slash = rest.find("%2F");
        if (slash == std::string_view::npos) return {};
        rest.remove_prefix(slash + 3);
    }
    return std::string(rest.substr(0, rest.find("%2F")));
}

class BucketCheck {
 public:
    BucketCheck(S3StoreOptions options, StopSignals& signals, CheckReport& report)
        : options_(std::move(options)), signals_(signals), report_(report) {
        // Whoever waits for a table wants it soon; a registry has more patience.
        options_.attempts = 3;
        options_.stall_timeout = 10s;
        options_.warn = [this](std::string_view text) {
            const std::lock_guard lock(mutex_);
            warnings_.emplace_back(text);
        };
        bucket_ = s3::Bucket::open(options_);
        folder_ = (options_.path.empty() ? "" : options_.path + "/") + "check/";
        prefix_ = folder_ + random_id() + "/";
    }

    void run() {
        report_.head("storage", bucket_->describe() +
                                    (options_.path.empty() ? "" : ", path " + options_.path));
        report_.head("keys", "from " + describe_credentials(options_.credentials));
        if (reach()) {
            for (const Step& step : steps) run(step);
            clean_up();
        }
        const std::lock_guard lock(mutex_);
        for (const std::string& warning : warnings_) report_.note(warning);
    }

 private:
    using Work = awaitable<Finding> (BucketCheck::*)();
    struct Step {
        const char* name;
        Work work;
        /// The check without which this one makes no sense.
        const char* needs = nullptr;
    };
    static const std::array<Step, 18> steps;

    // Running.

    bool reach();
    Finding judge_first(const Error& error) const;
    void run(const Step& step);
    bool interrupted() {
        if (!interrupted_) interrupted_ = signals_.poll().has_value();
        return interrupted_;
    }
    void clean_up();
    awaitable<void> remove_what_is_left();
    awaitable<void> remove_leftovers();
    awaitable<std::vector<std::string>> list_below(const std::string& prefix,
                                                   std::int64_t written_before);

    // The steps.

    awaitable<Finding> tell_clock();
    awaitable<Finding> tell_region();
    awaitable<Finding> put();
    awaitable<Finding> get();
    awaitable<Finding> head();
    awaitable<Finding> get_range();
    awaitable<Finding> list();
    awaitable<Finding> upload_parts();
    awaitable<Finding> copy_part();
    awaitable<Finding> list_uploads();
    awaitable<Finding> abort_upload();
    awaitable<Finding> remove_one();
    awaitable<Finding> remove_many();
    awaitable<Finding> fetch_signed_url();
    awaitable<Finding> write_if_absent();
    awaitable<Finding> write_if_match();
    awaitable<Finding> try_checksums();
    awaitable<Finding> tell_versioning();

    // Their parts.

    std::string key_of(std::string_view name) const { return prefix_ + std::string(name); }
    awaitable<std::string> write(const std::string& key, const s3::WriteCondition& condition);
    awaitable<std::string> read(const std::string& key, std::uint64_t first, std::uint64_t last);
    awaitable<std::string> begin_upload(const std::string& key);
    awaitable<void> expect_size(const std::string& key, std::uint64_t size);
    awaitable<void> expect_gone(const std::string& key);
    awaitable<bool> is_upload_listed(const std::string& key, const std::string& id);
    awaitable<bool> takes(S3Checksum checksum);

    S3StoreOptions options_;
    StopSignals& signals_;
    CheckReport& report_;
    std::shared_ptr<s3::Bucket> bucket_;
    std::string folder_;
    std::string prefix_;

    std::set<std::string_view> passed_;
    bool interrupted_ = false;
    bool may_list_ = true;
    const std::string small_ = make_content(small_size);
    const std::string large_ = make_content(2 * part_size);
    const s3::WriteCondition always_;
    std::string small_etag_;
    std::string open_upload_;
    /// What has to be removed at the end.
    std::set<std::string> written_;
    std::set<std::pair<std::string, std::string>> begun_;

    std::mutex mutex_;
    std::vector<std::string> warnings_;  // guarded by mutex_
};

const std::array<BucketCheck::Step, 18> BucketCheck::steps = {{
    {"clock", &BucketCheck::tell_clock},
    {"region", &BucketCheck::tell_region},
    {one_put, &BucketCheck::put},
    {"get it back", &BucketCheck::get, one_put},
    {"get a range of it", &BucketCheck::get_range, one_put},
    {"look at it (HEAD)", &BucketCheck::head, one_put},
    {"list what was written", &BucketCheck::list, one_put},
    {multipart, &BucketCheck::upload_parts},
    {"copy a part", &BucketCheck::copy_part, multipart},
    {"list uploads", &BucketCheck::list_uploads, multipart},
    {"abort an upload", &BucketCheck::abort_upload, multipart},
    {"remove an object", &BucketCheck::remove_one, one_put},
    {"remove many at once", &BucketCheck::remove_many, one_put},
    {"signed URL", &BucketCheck::fetch_signed_url, one_put},
    {"If-None-Match: *", &BucketCheck::write_if_absent, one_put},
    {"If-Match", &BucketCheck::write_if_match, one_put},
    {"checksums", &BucketCheck::try_checksums, one_put},
    {"old versions, locks", &BucketCheck::tell_versioning},
}};

// Running.

/// The first request, which tells whether there is any use in others.
bool BucketCheck::reach() {
    Finding listed(Outcome::works, "");
    try {
        run_blocking(bucket_->list(prefix_, "", 1));
    } catch (const Error& error) {
        if (error.code() != ErrorCode::denied || !mentions(error, {"AccessDenied"})) {
            report_.add("reach the bucket", judge_first(error));
            return false;
        }
        // The server knows the keys; what else they may do is worth a look.
        may_list_ = false;
        listed = Finding(Outcome::fails, short_reason(error), error.message());
    }
    report_.add("reach the bucket", Finding(Outcome::works, "endpoint, keys and bucket are right"));
    report_.add("list the bucket", listed);
    return true;
}

Finding BucketCheck::judge_first(const Error& error) const {
    std::string where = "the request failed";
    if (error.code() == ErrorCode::not_found) where = "no such bucket";
    if (error.code() == ErrorCode::unavailable) where = "the server does not answer";
    if (error.code() == ErrorCode::timeout) where = "the server does not answer in time";
    if (error.code() == ErrorCode::denied) where = "the keys are refused";
    if (mentions(error, {"RequestTimeTooSkewed", "RequestExpired"})) where = "the clock is wrong";
    if (mentions(error, {"no S3 credentials"})) where = "there are no keys";
    return {Outcome::fails, where, error.message()};
}

void BucketCheck::run(const Step& step) {
    if (interrupted()) return report_.add(step.name, Finding(Outcome::not_tried, "interrupted"));
    if (step.needs && !passed_.contains(step.needs)) {
        return report_.add(step.name,
                           Finding(Outcome::not_tried, fmt::format("needs '{}'", step.needs)));
    }
    try {
        const Finding finding = run_blocking((this->*step.work)());
        if (finding.outcome == Outcome::works) passed_.insert(step.name);
        report_.add(step.name, finding);
    } catch (const Error& error) {
        report_.add(step.name, Finding(Outcome::fails, short_reason(error), error.message()));
    }
}

/// Removes everything of this check, and what earlier ones left that were killed.
void BucketCheck::clean_up() {
    try {
        run_blocking(remove_what_is_left());
        if (may_list_) run_blocking(remove_leftovers());
        report_.add("clean up", Finding(Outcome::works, "nothing is left"));
    } catch (const Error& error) {
        report_.add("clean up",
                    Finding(Outcome::fails, short_reason(error),
                            error.message() + "; remove what is below " + prefix_ + " by hand"));
    }
    if (interrupted_) throw ProgramError(ExitCode::failed, "interrupted");
}

awaitable<void> BucketCheck::remove_what_is_left() {
    std::optional<Error> first;
    for (const auto& [key, id] : begun_) {
        try {
            co_await bucket_->abort_upload(key, id);
        } catch (const Error& error) {
            first = error;
        }
    }
    for (const std::string& key : written_) {
        try {
            co_await bucket_->remove(key);
        } catch (const Error& error) {
            if (!first) first = error;
        }
    }
    if (first) throw Error(*first);
}

awaitable<void> BucketCheck::remove_leftovers() {
    const auto now = std::chrono::system_clock::now() - leftover_age;
    const std::int64_t before =
        std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
    const std::vector<std::string> old = co_await list_below(folder_, before);
    for (const std::string& key : old) co_await bucket_->remove(key);
    const std::vector<std::string> mine =
        co_await list_below(prefix_, std::numeric_limits<std::int64_t>::max());
    if (!mine.empty()) fail("still listed after its removal: " + mine.front());
}

/// One page of keys, which is more than a check can leave behind.
awaitable<std::vector<std::string>> BucketCheck::list_below(const std::string& prefix,
                                                            std::int64_t written_before) {
    const s3::ObjectList found = co_await bucket_->list(prefix, "", 1000);
    std::vector<std::string> keys;
    for (const s3::ListedObject& object : found.objects) {
        if (object.head.modified < written_before) keys.push_back(object.key);
    }
    co_return keys;
}

// The steps.

awaitable<Finding> BucketCheck::tell_clock() {
    const auto offset = bucket_->clock_offset();
    if (!offset) co_return Finding(Outcome::lacking, "the server does not tell its time");
    const std::string detail = fmt::format("{} s {} the server's", std::abs(offset->count()),
                                           *offset > 0s ? "behind" : "ahead of");
    if (std::chrono::abs(*offset) < tolerable_offset) {
        co_return Finding(Outcome::works, detail);
    }
    co_return Finding(Outcome::attention, detail,
                      "set this machine's clock, as by NTP: S3 refuses requests of clocks that are "
                      "off by 15 minutes; pkgreg then signs with the server's time");
}

awaitable<Finding> BucketCheck::tell_region() {
    const std::string url = co_await bucket_->presign_get(key_of("small"), 60s);
    const std::string region = region_in(url);
    if (options_.region.empty() || options_.region == region) {
        co_return Finding(Outcome::works, region);
    }
    co_return Finding(Outcome::attention, region,
                      "the bucket is not in '" + options_.region + "': set region to '" + region +
                          "', which spares a request at every start");
}

awaitable<Finding> BucketCheck::put() {
    std::string extras;
    for (const std::string& extra : {options_.encryption, options_.storage_class}) {
        if (!extra.empty()) extras += ", " + extra;
    }
    try {
        small_etag_ = co_await write(key_of("small"), always_);
    } catch (const Error& error) {
        if (extras.empty() || error.code() == ErrorCode::denied) throw;
        co_return Finding(Outcome::fails, short_reason(error),
                          error.message() + "; does the server know" + extras.substr(1) + "?");
    }
    co_return Finding(Outcome::works, std::to_string(small_size) + " bytes" + extras);
}

awaitable<Finding> BucketCheck::get() {
    const auto bytes = co_await bucket_->get(key_of("small"), 2 * small_size);
    if (!bytes) fail("an object that was written a moment ago is not found");
    if (*bytes != small_) fail("what is read differs from what was written");
    co_return Finding(Outcome::works, "the same bytes");
}

awaitable<Finding> BucketCheck::get_range() {
    constexpr std::size_t first = 100;
    constexpr std::size_t count = 200;
    const std::string bytes = co_await read(key_of("small"), first, first + count - 1);
    if (bytes != small_.substr(first, count)) fail("a range is answered with other bytes");
    co_return Finding(Outcome::works, "the same bytes");
}

awaitable<Finding> BucketCheck::head() {
    co_await expect_size(key_of("small"), small_size);
    co_return Finding(Outcome::works, "");
}

awaitable<Finding> BucketCheck::list() {
    if (!may_list_) co_return Finding(Outcome::not_tried, "needs 'list the bucket'");
    const s3::ObjectList found = co_await bucket_->list(prefix_, "", 10);
    const bool listed = std::ranges::any_of(found.objects, [&](const s3::ListedObject& object) {
        return object.key == key_of("small");
    });
    if (!listed) {
        fail(
            "an object that was written a moment ago is not listed; a registry needs a server "
            "whose lists are up to date");
    }
    co_return Finding(Outcome::works, "up to date");
}

awaitable<Finding> BucketCheck::upload_parts() {
    const std::string key = key_of("large");
    const std::string id = co_await begin_upload(key);
    std::vector<s3::Part> parts;
    for (int number = 1; number <= 2; ++number) {
        const std::string_view bytes =
            std::string_view(large_).substr((number - 1) * part_size, part_size);
        s3::Part part = co_await bucket_->upload_part(key, id, number, bytes_of(bytes));
        parts.push_back(std::move(part));
    }
    co_await bucket_->complete_upload(key, id, parts, large_.size());
    begun_.erase({key, id});
    co_await expect_size(key, large_.size());
    constexpr std::size_t around = 100;
    const std::string middle = co_await read(key, part_size - around, part_size + around - 1);
    if (middle != large_.substr(part_size - around, 2 * around)) {
        fail("where two parts meet, what is read differs from what was written");
    }
    co_return Finding(Outcome::works, "2 parts of 5 MiB");
}

awaitable<Finding> BucketCheck::copy_part() {
    const std::string key = key_of("copy");
    const std::string id = co_await begin_upload(key);
    s3::Part part = co_await bucket_->copy_part(key, id, 1, key_of("large"), 0, part_size - 1);
    const std::vector<s3::Part> parts(1, std::move(part));
    co_await bucket_->complete_upload(key, id, parts, part_size);
    begun_.erase({key, id});
    co_await expect_size(key, part_size);
    co_return Finding(Outcome::works, "");
}

awaitable<Finding> BucketCheck::list_uploads() {
    const std::string key = key_of("open");
    open_upload_ = co_await begin_upload(key);
    const bool listed = co_await is_upload_listed(key, open_upload_);
    if (!listed) {
        co_return Finding(Outcome::attention, "an upload under way is not listed",
                          "uploads that were left behind cannot be found and removed; let the "
                          "bucket do it by a lifecycle rule (AbortIncompleteMultipartUpload)");
    }
    co_return Finding(Outcome::works, "");
}

awaitable<Finding> BucketCheck::abort_upload() {
    const std::string key = key_of("open");
    if (open_upload_.empty()) open_upload_ = co_await begin_upload(key);
    co_await bucket_->abort_upload(key, open_upload_);
    begun_.erase({key, open_upload_});
    co_return Finding(Outcome::works, "");
}

awaitable<Finding> BucketCheck::remove_one() {
    const std::string key = key_of("removed");
    co_await write(key, always_);
    co_await bucket_->remove(key);
    co_await expect_gone(key);
    co_return Finding(Outcome::works, "");
}

awaitable<Finding> BucketCheck::remove_many() {
    std::vector<std::string> keys;
    for (const std::string_view name : {"removed-1", "removed-2"}) {
        keys.push_back(key_of(name));
        co_await write(keys.back(), always_);
    }
    co_await bucket_->remove(keys);
    for (const std::string& key : keys) co_await expect_gone(key);
    co_return Finding(Outcome::works, "");
}

/// As a client does it that was redirected: without keys.
awaitable<Finding> BucketCheck::fetch_signed_url() {
    const std::string url = co_await bucket_->presign_get(key_of("small"), 60s);
    const std::size_t path = url.find('/', url.find("://") + 3);
    std::string problem;
    try {
        HttpClientOptions client_options;
        client_options.ca = options_.ca_file.string();
        client_options.stall = 10s;
        client_options.advice = "clients that are redirected must reach the endpoint";
        HttpClient client(url.substr(0, path), client_options);
        const HttpAnswer answer = client.get(url.substr(path));
        if (answer.status == 200 && answer.body == small_) {
            co_return Finding(Outcome::works, "fetched without keys");
        }
        problem = "the answer has status " + std::to_string(answer.status);
    } catch (const ProgramError& error) {
        problem = error.what();
    }
    co_return Finding(Outcome::attention, "not fetched",
                      problem + "; only redirects of clients to the storage need it");
}

awaitable<Finding> BucketCheck::write_if_absent() {
    s3::WriteCondition condition;
    condition.if_absent = true;
    try {
        co_await write(key_of("small"), condition);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::precondition_failed) {
            co_return Finding(Outcome::works, "not needed by pkgreg");
        }
        co_return Finding(Outcome::lacking, short_reason(error) + "; not needed by pkgreg");
    }
    co_return Finding(Outcome::lacking, "ignored by the server; not needed by pkgreg");
}

awaitable<Finding> BucketCheck::write_if_match() {
    s3::WriteCondition condition;
    condition.if_match = small_etag_;
    try {
        small_etag_ = co_await write(key_of("small"), condition);
    } catch (const Error& error) {
        co_return Finding(Outcome::lacking, short_reason(error) + "; not needed by pkgreg");
    }
    condition.if_match = "\"0123456789abcdef0123456789abcdef\"";
    try {
        co_await write(key_of("small"), condition);
    } catch (const Error& error) {
        if (error.code() == ErrorCode::precondition_failed) {
            co_return Finding(Outcome::works, "not needed by pkgreg");
        }
        co_return Finding(Outcome::lacking, short_reason(error) + "; not needed by pkgreg");
    }
    co_return Finding(Outcome::lacking, "ignored by the server; not needed by pkgreg");
}

awaitable<Finding> BucketCheck::try_checksums() {
    struct Choice {
        const char* word;
        S3Checksum checksum;
    };
    constexpr std::array<Choice, 3> choices = {
        {{"sha256", S3Checksum::sha256}, {"crc32c", S3Checksum::crc32c}, {"md5", S3Checksum::md5}}};
    std::string taken;
    for (const Choice& choice : choices) {
        const bool good = co_await takes(choice.checksum);
        if (good) taken.append(taken.empty() ? "" : ", ").append(choice.word);
    }
    co_return Finding(Outcome::works, "the server takes " + taken);
}

awaitable<Finding> BucketCheck::tell_versioning() {
    const std::string versioning = co_await bucket_->versioning();
    const bool locked = co_await bucket_->object_lock();
    if (locked) {
        co_return Finding(Outcome::attention, "objects are locked",
                          "what is removed from the registry stays until its lock ends; use a "
                          "bucket without object lock");
    }
    if (versioning == "Enabled") {
        co_return Finding(Outcome::attention, "old versions are kept",
                          "what is removed from the registry goes on taking room; switch "
                          "versioning off, or add a lifecycle rule that expires old versions");
    }
    co_return Finding(Outcome::works, "none, as far as the server tells");
}

// Their parts.

awaitable<std::string> BucketCheck::write(const std::string& key,
                                          const s3::WriteCondition& condition) {
    written_.insert(key);
    std::string etag = co_await bucket_->put(key, bytes_of(small_), condition);
    co_return etag;
}

awaitable<std::string> BucketCheck::read(const std::string& key, std::uint64_t first,
                                         std::uint64_t last) {
    const auto download = co_await bucket_->open(key, first, last);
    if (!download) fail("an object that was written a moment ago is not found");
    std::string bytes(last - first + 1, '\0');
    std::size_t done = 0;
    while (done < bytes.size()) {
        const auto rest = std::as_writable_bytes(std::span(bytes).subspan(done));
        const std::size_t n = co_await download->read(rest);
        if (n == 0) break;
        done += n;
    }
    bytes.resize(done);
    co_return bytes;
}

awaitable<std::string> BucketCheck::begin_upload(const std::string& key) {
    std::string id = co_await bucket_->create_upload(key);
    begun_.insert({key, id});
    written_.insert(key);
    co_return id;
}

awaitable<void> BucketCheck::expect_size(const std::string& key, std::uint64_t size) {
    const auto found = co_await bucket_->head(key);
    if (!found) fail("an object that was written a moment ago is not found");
    if (found->size != size) {
        fail("an object of " + std::to_string(size) + " bytes is told to have " +
             std::to_string(found->size));
    }
}

awaitable<void> BucketCheck::expect_gone(const std::string& key) {
    const auto found = co_await bucket_->head(key);
    if (found) fail("an object is still there after its removal");
    written_.erase(key);
}

awaitable<bool> BucketCheck::is_upload_listed(const std::string& key, const std::string& id) {
    std::string next_key;
    std::string next_id;
    do {
        const s3::UploadList page = co_await bucket_->list_uploads(prefix_, next_key, next_id);
        for (const s3::ListedUpload& upload : page.uploads) {
            if (upload.key == key && upload.upload_id == id) co_return true;
        }
        next_key = page.next_key;
        next_id = page.next_upload_id;
    } while (!next_key.empty());
    co_return false;
}

awaitable<bool> BucketCheck::takes(S3Checksum checksum) {
    S3StoreOptions options = options_;
    options.checksum = checksum;
    const auto other = s3::Bucket::open(options);
    const std::string key = key_of("checksum");
    written_.insert(key);
    try {
        co_await other->put(key, bytes_of(small_), always_);
    } catch (const Error&) {
        co_return false;
    }
    co_return true;
}

}  // namespace

void check_bucket(S3StoreOptions options, StopSignals& signals, CheckReport& report) {
    BucketCheck(std::move(options), signals, report).run();
}

}  // namespace pkgreg::cli
