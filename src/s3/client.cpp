#include "s3/client.hpp"

#include "base/suspend.hpp"
#include "s3/checksums.hpp"
#include "s3/encoding.hpp"
#include "s3/signature.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

namespace pkgreg::s3 {
namespace {

using namespace std::chrono_literals;

constexpr auto first_pause = 50ms;
constexpr auto longest_pause = 5'000ms;
/// A server that wants to be left alone for longer is asked again after this all the same.
constexpr auto longest_wish = 20s;
/// Hashing less than this costs less than handing it to another thread.
constexpr std::size_t hashed_inline = std::size_t{32} << 10;
/// A clock that is off by less needs no correction.
constexpr auto clock_tolerance = 30s;

S3Checksum checksum_for(S3Checksum wanted, const Endpoint& endpoint) {
    const bool tls = endpoint.is_tls();
    if (wanted == S3Checksum::none && !tls) wanted = S3Checksum::automatic;
    if (wanted != S3Checksum::automatic) return wanted;
    if (!tls) return S3Checksum::sha256;
    return endpoint.is_amazon() ? S3Checksum::crc32c : S3Checksum::md5;
}

std::string read_whole(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string first_region(const S3StoreOptions& options, const Endpoint& endpoint,
                         const Environment& environment) {
    if (!options.region.empty()) return options.region;
    if (!endpoint.region().empty()) return endpoint.region();
    for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
        if (std::string region = environment.get(name); !region.empty()) return region;
    }
    const SharedFiles shared(options.credentials, environment);
    if (!shared.configuration.empty()) {
        const std::string text = read_whole(shared.configuration);
        if (auto region = read_profile_setting(text, shared.profile, "region")) return *region;
    }
    return "us-east-1";
}

std::chrono::sys_seconds corrected_now(std::int64_t correction) {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
           std::chrono::seconds(correction);
}

TransportOptions transport_options(const S3StoreOptions& options) {
    TransportOptions transport;
    transport.proxy = options.proxy;
    transport.ca_file = options.ca_file;
    transport.connect_timeout = options.connect_timeout;
    transport.stall_timeout = options.stall_timeout;
    return transport;
}

}  // namespace

Client::Client(S3StoreOptions options, Environment environment)
    : options_(std::move(options)),
      endpoint_(options_),
      checksum_(checksum_for(options_.checksum, endpoint_)),
      pool_(options_.pool ? options_.pool : std::make_shared<WorkPool>()),
      transport_(transport_options(options_)),
      credentials_(options_.credentials, environment, transport_),
      region_(first_region(options_, endpoint_, environment)) {
    description_ = "s3://" + options_.bucket + " at " +
                   (options_.endpoint.empty() ? "https://s3." + region_ + ".amazonaws.com"
                                              : options_.endpoint);
}

awaitable<std::string> Client::guard(Operation& operation) {
    std::string crc32c;
    auto work = [&] {
        operation.payload_hash = unsigned_payload;
        switch (checksum_) {
            case S3Checksum::automatic:
            case S3Checksum::sha256: operation.payload_hash = content_sha256(operation.body); break;
            case S3Checksum::crc32c:
                crc32c = content_crc32c(operation.body);
                operation.headers.push_back({"x-amz-checksum-crc32c", crc32c});
                break;
            case S3Checksum::md5:
                operation.headers.push_back({"content-md5", content_md5(operation.body)});
                break;
            case S3Checksum::none: break;
        }
    };
    if (operation.body.size() <= hashed_inline) {
        work();
    } else {
        co_await offload(*pool_, work);
    }
    co_return crc32c;
}

awaitable<Answer> Client::send(const Operation& operation) {
    Opened opened = co_await exchange(operation, false);
    co_return std::move(opened.answer);
}

awaitable<Client::Opened> Client::open(const Operation& operation) {
    return exchange(operation, true);
}

awaitable<Client::Opened> Client::exchange(const Operation& operation, bool streaming) {
    Mended mended;
    bool maybe_done = false;
    unsigned failures = 0;
    for (unsigned tries = 1;; ++tries) {
        const Signing with = co_await signing();
        Opened opened = co_await exchange_once(operation, streaming, with);
        Answer& answer = opened.answer;
        answer.tries = tries;
        answer.maybe_done_before = maybe_done || answer.http.sends > 1;
        const Verdict verdict = judge(answer);
        if (verdict == Verdict::final) co_return opened;
        maybe_done |= is_unclear(answer);
        if (verdict != Verdict::again) {
            const bool try_now = co_await mend(verdict, answer, with, mended);
            if (try_now) continue;
            co_return opened;
        }
        ++failures;
        if (failures >= options_.attempts) co_return opened;
        if (operation.background && background_is_ending()) co_return opened;
        const auto wish = std::min(retry_after(answer).value_or(0s), longest_wish);
        const auto pause = std::max<std::chrono::milliseconds>(back_off(failures), wish);
        co_await transport_.pause(pause, operation.background);
    }
}

awaitable<Client::Opened> Client::exchange_once(const Operation& operation, bool streaming,
                                                const Signing& signing) {
    HttpRequest request = signed_request(operation, signing);
    Opened opened;
    if (streaming) {
        HttpStream stream = co_await transport_.open(request);
        opened.body = std::move(stream.body);
        opened.answer = read_answer(std::move(stream.answer), false);
    } else {
        HttpAnswer http = co_await transport_.perform(request);
        opened.answer = read_answer(std::move(http), operation.error_in_success);
    }
    requests_.fetch_add(opened.answer.http.sends, std::memory_order_relaxed);
    note_clock(opened.answer);
    co_return opened;
}

/// Whether what was wrong has been put right, here or by another call meanwhile, so that trying
/// again at once makes sense.
awaitable<bool> Client::mend(Verdict verdict, const Answer& answer, const Signing& signing,
                             Mended& mended) {
    switch (verdict) {
        case Verdict::wrong_clock:
            co_return !std::exchange(mended.clock, true) && correct_clock(answer, signing);
        case Verdict::wrong_region:
            co_return !std::exchange(mended.region, true) && correct_region(answer, signing);
        case Verdict::wrong_keys: break;
        default: co_return false;
    }
    if (std::exchange(mended.keys, true)) co_return false;
    const bool replaced = co_await credentials_.replace(signing.keys);
    co_return replaced;
}

bool Client::correct_clock(const Answer& answer, const Signing& signing) {
    const auto offset = s3::clock_offset(answer, std::chrono::system_clock::now());
    if (!offset) return false;
    const std::chrono::seconds before(clock_correction_.exchange(offset->count()));
    const bool is_news = std::chrono::abs(*offset - before) > clock_tolerance;
    if (options_.warn && is_news) {
        options_.warn(describe() + ": this machine's clock is " +
                      std::to_string(std::abs(offset->count())) + " s " +
                      (*offset > 0s ? "behind" : "ahead of") +
                      " the server's; requests are signed with the server's time. Set the clock");
    }
    return std::chrono::abs(*offset - std::chrono::seconds(signing.correction)) > clock_tolerance;
}

bool Client::correct_region(const Answer& answer, const Signing& signing) {
    std::string region = region_of(answer);
    if (region.empty() || region == signing.region) return false;
    const std::lock_guard lock(mutex_);
    region_ = std::move(region);
    return true;
}

void Client::note_clock(const Answer& answer) {
    const auto offset = s3::clock_offset(answer, std::chrono::system_clock::now());
    if (!offset) return;
    clock_offset_.store(offset->count(), std::memory_order_relaxed);
    // A clock that was set meanwhile needs no correction any more.
    if (clock_correction_.load() != 0 && std::chrono::abs(*offset) <= clock_tolerance) {
        clock_correction_.store(0);
    }
}

awaitable<Client::Signing> Client::signing() {
    Signing signing;
    signing.keys = co_await credentials_.get();
    signing.correction = clock_correction_.load();
    const std::lock_guard lock(mutex_);
    signing.region = region_;
    co_return signing;
}

HttpRequest Client::signed_request(const Operation& operation, const Signing& signing) const {
    const Address address = endpoint_.address(signing.region);
    SignableRequest signable;
    signable.method = operation.method;
    signable.path = address.path + '/' + uri_encode_path(operation.key);
    signable.query = operation.query;
    signable.headers = operation.headers;
    signable.headers.push_back({"host", address.host});
    signable.payload_hash = operation.payload_hash;
    if (signable.payload_hash.empty()) {
        signable.payload_hash =
            operation.body.empty() ? std::string(empty_payload) : content_sha256(operation.body);
    }
    sign(signable, *signing.keys, signing.region, corrected_now(signing.correction));

    HttpRequest request;
    request.method = operation.method;
    request.url = address.origin + signable.path;
    if (!operation.query.empty()) request.url += '?' + canonical_query(operation.query);
    request.headers = std::move(signable.headers);
    request.body = operation.body;
    request.max_body = operation.max_body;
    request.background = operation.background;
    return request;
}

Error Client::error(const Operation& operation, const Answer& answer) const {
    const Asked asked{description_,   options_.bucket,
                      operation.name, operation.action,
                      operation.key,  clock_offset().value_or(std::chrono::seconds(0))};
    return error_of(answer, asked);
}

awaitable<std::string> Client::presign_get(const std::string& key, std::chrono::seconds lifetime) {
    const Signing with = co_await signing();
    const Address address = endpoint_.address(with.region);
    SignableRequest request;
    request.method = "GET";
    request.path = address.path + '/' + uri_encode_path(key);
    request.headers.push_back({"host", address.host});
    request.payload_hash = unsigned_payload;
    presign(request, *with.keys, with.region, corrected_now(with.correction), lifetime);
    co_return address.origin + request.path + '?' + canonical_query(request.query);
}

std::chrono::milliseconds Client::back_off(unsigned failures) {
    thread_local std::minstd_rand random(std::random_device{}());
    const auto longest = std::min<std::chrono::milliseconds>(
        first_pause * (1 << std::min(failures - 1, 10U)), longest_pause);
    // Half of it by chance: those who were refused together don't come back together.
    return longest / 2 + std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(
                             0, longest.count() / 2)(random));
}

std::optional<std::chrono::seconds> Client::clock_offset() const noexcept {
    const std::int64_t offset = clock_offset_.load(std::memory_order_relaxed);
    if (offset == no_offset) return std::nullopt;
    return std::chrono::seconds(offset);
}

void Client::end_background(std::chrono::steady_clock::time_point deadline) {
    background_end_ = deadline;
    transport_.end_background(deadline);
}

}  // namespace pkgreg::s3
