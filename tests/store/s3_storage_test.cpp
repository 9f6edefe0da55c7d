// A bucket's options become those of its store, and its secret a file that is there.
#include "pkgreg/error.hpp"
#include "pkgreg/storage.hpp"

#include "store/storage_places.hpp"
#include "store/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace pkgreg {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view keys_of_two =
    "[default]\naws_access_key_id = A\naws_secret_access_key = hidden\n"
    "[half]\naws_access_key_id = B\n";

template <class Call>
std::string message_of(const Call& call) {
    try {
        call();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::invalid_options);
        return error.message();
    }
    return "(accepted)";
}

S3Storage storage_with_secret(std::string secret) {
    S3Storage storage;
    storage.place.bucket = "bkt";
    storage.place.credential_secret_path = std::move(secret);
    return storage;
}

class S3StorageOptions : public ::testing::Test {
 protected:
    S3StorageOptions() { unsetenv("MESOS_SANDBOX"); }
    ~S3StorageOptions() override { unsetenv("MESOS_SANDBOX"); }

    std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

    TemporaryDirectory folder_;
};

TEST_F(S3StorageOptions, a_secret_that_is_missing_is_named_with_its_option) {
    EXPECT_THAT(message_of([&] { s3_store_options(storage_with_secret("keys"), path("secrets")); }),
                AllOf(HasSubstr("credential-secret-path: "), HasSubstr(path("secrets/keys"))));
}

TEST_F(S3StorageOptions, the_secret_of_a_task_is_found_in_its_sandbox) {
    folder_.write("sandbox/keys", keys_of_two);
    setenv("MESOS_SANDBOX", path("sandbox").c_str(), 1);
    const S3StoreOptions options = s3_store_options(storage_with_secret("keys"), "");
    EXPECT_EQ(options.credentials.file, path("sandbox/keys"));
    EXPECT_EQ(options.credentials.profile, "default");
}

TEST_F(S3StorageOptions, a_profile_that_is_missing_or_not_whole_is_named) {
    folder_.write("secrets/keys", keys_of_two);
    S3Storage storage = storage_with_secret("keys");
    const auto open = [&] { s3_store_options(storage, path("secrets")); };
    storage.place.credential_profile_name = "other";
    EXPECT_THAT(message_of(open), AllOf(HasSubstr("credential-profile-name: "),
                                        HasSubstr("'other'"), HasSubstr(path("secrets/keys"))));
    storage.place.credential_profile_name = "half";
    EXPECT_THAT(message_of(open),
                AllOf(HasSubstr("credential-secret-path: "), HasSubstr("aws_secret_access_key"),
                      Not(HasSubstr("hidden"))));
}

TEST_F(S3StorageOptions, a_file_of_keys_that_is_missing_is_named) {
    S3Storage storage;
    storage.settings.credential_file = path("none");
    EXPECT_THAT(
        message_of([&] { s3_store_options(storage, ""); }),
        AllOf(HasSubstr("credential-file: "), HasSubstr(path("none")), HasSubstr("No such file")));
}

TEST_F(S3StorageOptions, without_a_secret_the_keys_are_left_to_the_environment) {
    S3Storage storage;
    EXPECT_EQ(s3_store_options(storage, path("secrets")).credentials.file, "");
    EXPECT_EQ(s3_store_options(storage, "").credentials.profile, "");
    storage.place.credential_profile_name = "mine";
    EXPECT_EQ(s3_store_options(storage, "").credentials.profile, "mine");
}

TEST_F(S3StorageOptions, every_setting_reaches_the_store) {
    S3Storage storage;
    storage.place = {{}, "default", "bkt", "a/b", "http://127.0.0.1:9000"};
    storage.settings = {{},
                        "r-1",
                        S3Addressing::path,
                        S3Checksum::md5,
                        "/ca.pem",
                        "http://p:1",
                        "aws:kms",
                        "key",
                        "STANDARD_IA",
                        5,
                        2,
                        3};
    const S3StoreOptions options = s3_store_options(storage, "");
    EXPECT_EQ(options.bucket, "bkt");
    EXPECT_EQ(options.path, "a/b");
    EXPECT_EQ(options.endpoint, "http://127.0.0.1:9000");
    EXPECT_EQ(options.region, "r-1");
    EXPECT_EQ(options.addressing, S3Addressing::path);
    EXPECT_EQ(options.checksum, S3Checksum::md5);
    EXPECT_EQ(options.ca_file, "/ca.pem");
    EXPECT_EQ(options.proxy, "http://p:1");
    EXPECT_EQ(options.encryption, "aws:kms");
    EXPECT_EQ(options.kms_key_id, "key");
    EXPECT_EQ(options.storage_class, "STANDARD_IA");
    EXPECT_EQ(options.part_size, std::size_t{5} << 20);
    EXPECT_EQ(options.parts_in_flight, 2u);
    EXPECT_EQ(options.max_parts, 3u);
}

}  // namespace
}  // namespace pkgreg
