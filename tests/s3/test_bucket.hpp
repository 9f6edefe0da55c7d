// A bucket at a scripted server, for tests: it gives up early, but not because a machine is busy.
#pragma once

#include "pkgreg/blocking.hpp"
#include "pkgreg/error.hpp"

#include "s3/bucket.hpp"
#include "s3/scripted_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pkgreg::s3 {

inline constexpr std::string_view test_secret = "the-secret-of-the-test";

inline S3StoreOptions test_options(const std::string& endpoint) {
    S3StoreOptions options;
    options.endpoint = endpoint;
    options.bucket = "bucket";
    options.credentials.access_key_id = "the-id";
    options.credentials.secret_access_key = test_secret;
    options.attempts = 3;
    options.connect_timeout = std::chrono::seconds(10);
    options.stall_timeout = std::chrono::seconds(20);
    return options;
}

inline std::shared_ptr<Bucket> test_bucket(const ScriptedServer& server) {
    return Bucket::open(test_options(server.url()));
}

/// One for a server that stalls.
inline std::shared_ptr<Bucket> impatient_bucket(const ScriptedServer& server) {
    S3StoreOptions options = test_options(server.url());
    options.stall_timeout = std::chrono::milliseconds(700);
    return Bucket::open(options);
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

inline std::string put(Bucket& bucket, std::string_view text,
                       const WriteCondition& condition = {}) {
    return run_blocking(bucket.put("key", bytes_of(text), condition));
}

/// All that a download gives, in pieces of at most `piece` bytes.
inline std::string read_all(Download& download, std::size_t piece = 100'000) {
    std::string all;
    std::string buffer(piece, '\0');
    while (const std::size_t n =
               run_blocking(download.read(std::as_writable_bytes(std::span(buffer))))) {
        all.append(buffer, 0, n);
    }
    return all;
}

/// The error that `action` throws, which shows no secret.
template <class Action>
Error error_of(const Action& action) {
    try {
        action();
    } catch (const Error& error) {
        EXPECT_EQ(error.message().find(test_secret), std::string::npos) << error.message();
        return error;
    }
    return Error(ErrorCode::internal, "nothing was thrown");
}

inline testing::AssertionResult has(const Error& error, std::string_view text) {
    if (error.message().find(text) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no '" << text << "' in: " << error.message();
}

}  // namespace pkgreg::s3
