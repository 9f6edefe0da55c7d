// Client: one S3 operation after the other, each signed, sent, judged, and tried again until it
// succeeds or cannot. It knows operations only as requests; what they mean is bucket.cpp's.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/s3_store.hpp"

#include "s3/credentials.hpp"
#include "s3/endpoint.hpp"
#include "s3/failures.hpp"
#include "s3/fields.hpp"
#include "s3/transport.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

/// A request to the bucket, before it is signed. It can be sent any number of times.
struct Operation {
    std::string_view name;    ///< `PutObject`
    std::string_view action;  ///< the permission that it needs, `s3:PutObject`
    std::string_view method;
    /// Empty: about the bucket itself.
    std::string key = {};
    Fields query = {};
    /// Names in lower case.
    Fields headers = {};
    /// Unchanged until the call is over.
    std::span<const std::byte> body = {};
    /// SHA-256 of the body, or `unsigned_payload`; set by `Client::guard`.
    std::string payload_hash = {};
    std::size_t max_body = std::size_t{8} << 20;
    /// The answer may say 200 and hold an error (CompleteMultipartUpload, UploadPartCopy).
    bool error_in_success = false;
    /// Nobody waits for it: not tried again once the bucket is being closed.
    bool background = false;
};

class Client {
 public:
    /// Throws `invalid_options`.
    Client(S3StoreOptions options, Environment environment);

    const std::string& describe() const noexcept { return description_; }
    const S3StoreOptions& options() const noexcept { return options_; }
    Transport& transport() noexcept { return transport_; }

    /// Adds what guards the body's bytes on their way, as the options want it. Returns the CRC-32C
    /// in base64 where that is what guards them, else an empty text.
    awaitable<std::string> guard(Operation& operation);
    /// Whether `guard` sends a CRC-32C.
    bool sends_crc32c() const noexcept { return checksum_ == S3Checksum::crc32c; }

    /// The answer, whatever it is, once no further try would change it.
    awaitable<Answer> send(const Operation& operation);

    struct Opened {
        Answer answer = {};
        /// Null unless the answer is a success.
        std::unique_ptr<BodyStream> body = nullptr;
    };
    /// The same for an answer whose body is read as it comes.
    awaitable<Opened> open(const Operation& operation);

    /// The error that the answer is.
    Error error(const Operation& operation, const Answer& answer) const;

    awaitable<std::string> presign_get(const std::string& key, std::chrono::seconds lifetime);

    /// How long to wait after that many failures in a row.
    static std::chrono::milliseconds back_off(unsigned failures);

    /// The server's clock minus this machine's.
    std::optional<std::chrono::seconds> clock_offset() const noexcept;
    std::uint64_t requests() const noexcept { return requests_.load(std::memory_order_relaxed); }

    /// From now on what is in the background gets no further tries, and no time after `deadline`.
    void end_background(std::chrono::steady_clock::time_point deadline);
    bool background_is_ending() const noexcept { return background_end_.load() != no_end; }
    bool background_is_over() const noexcept {
        return std::chrono::steady_clock::now() >= background_end_.load();
    }

 private:
    /// What one try is signed with. It may be replaced by another call meanwhile.
    struct Signing {
        std::shared_ptr<const Credentials> keys;
        std::string region;
        /// Seconds that are added to this machine's clock.
        std::int64_t correction = 0;
    };
    /// What was mended during one call; each only once, so that no answer leads in a circle.
    struct Mended {
        bool clock = false;
        bool region = false;
        bool keys = false;
    };

    awaitable<Opened> exchange(const Operation& operation, bool streaming);
    awaitable<Opened> exchange_once(const Operation& operation, bool streaming,
                                    const Signing& signing);
    awaitable<bool> mend(Verdict verdict, const Answer& answer, const Signing& signing,
                         Mended& mended);
    bool correct_clock(const Answer& answer, const Signing& signing);
    bool correct_region(const Answer& answer, const Signing& signing);
    void note_clock(const Answer& answer);

    awaitable<Signing> signing();
    HttpRequest signed_request(const Operation& operation, const Signing& signing) const;

    const S3StoreOptions options_;
    const Endpoint endpoint_;
    const S3Checksum checksum_;  ///< never `automatic`
    std::string description_;
    const std::shared_ptr<WorkPool> pool_;
    Transport transport_;
    CredentialProvider credentials_;

    static constexpr std::int64_t no_offset = INT64_MIN;
    std::atomic<std::int64_t> clock_offset_{no_offset};  ///< seconds
    /// What is added to this machine's clock for signatures; not 0 only after a refusal.
    std::atomic<std::int64_t> clock_correction_{0};
    std::atomic<std::uint64_t> requests_{0};
    static constexpr auto no_end = std::chrono::steady_clock::time_point::max();
    std::atomic<std::chrono::steady_clock::time_point> background_end_{no_end};
    mutable std::mutex mutex_;
    std::string region_;  // guarded by mutex_
};

}  // namespace pkgreg::s3
