// ObjectStore in an Amazon S3 bucket, or in one of a server that speaks the same protocol (Ceph,
// MinIO, OpenStack Swift with s3api). Any number of processes may use one bucket at once.
#pragma once

#include "pkgreg/awaitable.hpp"
#include "pkgreg/object_store.hpp"
#include "pkgreg/s3_conventions.hpp"
#include "pkgreg/work_pool.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pkgreg {

/// Where to find the keys that requests are signed with. The first of these that is given is used;
/// nothing given: `AWS_ACCESS_KEY_ID` and its companions, the shared files (`~/.aws/credentials`,
/// or `AWS_SHARED_CREDENTIALS_FILE`), the container's endpoint
/// (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `_FULL_URI`), the instance's (IMDSv2), in this
/// order.
struct S3CredentialSource {
    // Keys themselves.
    std::string access_key_id = {};
    std::string secret_access_key = {};
    std::string session_token = {};  ///< of temporary keys; empty: none
    /// An AWS credentials file (INI profiles with `aws_access_key_id`, `aws_secret_access_key` and,
    /// optionally, `aws_session_token`). Read again when the server refuses the keys, so that a
    /// rotated secret needs no restart.
    std::filesystem::path file = {};
    /// The profile of that file, or of the shared file (empty: `AWS_PROFILE`, else `default`).
    std::string profile = {};
};

/// How a store in a bucket is opened. A plain value; `open_s3_store` checks it.
struct S3StoreOptions {
    /// The bucket's name; must be given, and the bucket must be there.
    std::string bucket = {};
    /// What every key in the bucket begins with, without a slash at either end; may be empty.
    /// Bucket and path together belong to one registry.
    std::string path = {};
    /// URL of the service, such as `https://s3.us-east-1.amazonaws.com`; empty: Amazon's in
    /// `region`.
    std::string endpoint = {};
    /// Empty: from an endpoint of Amazon's, `AWS_REGION`, `AWS_DEFAULT_REGION`, else `us-east-1`; a
    /// server that names another one is believed.
    std::string region = {};
    S3Addressing addressing = S3Addressing::automatic;
    S3Checksum checksum = S3Checksum::automatic;
    S3CredentialSource credentials = {};
    /// Certificates (PEM) to trust instead of the system's; empty: the system's.
    std::filesystem::path ca_file = {};
    /// Proxy for requests to S3, as a URL; empty: none (the environment's is not looked at).
    std::string proxy = {};
    /// `AES256` or `aws:kms` (`x-amz-server-side-encryption`); empty: what the bucket does by
    /// itself.
    std::string encryption = {};
    /// The key for `aws:kms`; empty: the account's own.
    std::string kms_key_id = {};
    /// `x-amz-storage-class` of what is written; empty: the bucket's default. Classes that have to
    /// be restored before they can be read are refused.
    std::string storage_class = {};

    /// Bytes of one part of a multipart upload, 5 MiB to 64 MiB.
    std::size_t part_size = std::size_t{8} << 20;
    /// How many parts of one upload are on their way at once.
    std::size_t parts_in_flight = 4;
    /// How many parts there are in memory, in all uploads together; further uploads wait.
    std::size_t max_parts = 24;
    /// How many parts an object may have; longer content becomes several objects.
    int parts_per_object = 10'000;

    /// No other process uses the place: one that tries is kept out by a lease, an object in it
    /// (calls throw `unavailable` while another one holds it). The registry then asks fewer
    /// questions, keeps what it knows in memory, and forgets unfinished uploads when it ends.
    bool exclusive = false;
    /// A holder of the lease that gives no sign of life for this long counts as gone.
    std::chrono::milliseconds lease_duration{60'000};

    /// How often a request is tried, with growing pauses in between.
    unsigned attempts = 6;
    std::chrono::milliseconds connect_timeout{5'000};  ///< per try
    /// A request that moves no byte for this long is given up (and tried again).
    std::chrono::milliseconds stall_timeout{30'000};

    /// Receives warnings for the operator: a bucket that keeps old versions, a clock that is off.
    /// Called from any thread; must not throw. No text holds a secret.
    std::function<void(std::string_view)> warn = {};
    /// Where payloads are hashed; null: a pool of the store's own.
    std::shared_ptr<WorkPool> pool = nullptr;
};

/// Opens a store in a bucket that is there. Nothing is asked of the server yet: what is wrong with
/// the keys, the bucket or the network is told by the first call that needs them, and mended
/// without opening the store again. Starts one thread for its transfers with the first call. Throws
/// `invalid_options` for options that cannot work, and `unsupported` in a build without S3.
std::shared_ptr<ObjectStore> open_s3_store(S3StoreOptions options);

}  // namespace pkgreg
