// Options of a bucket that name a secret or a file become those of its store.

#include "pkgreg/error.hpp"
#include "pkgreg/storage.hpp"

#include "base/secret_file.hpp"
#include "s3/credentials.hpp"
#include "store/storage_places.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace pkgreg {
namespace {

/// The key of the options that named the file.
struct NamedFile {
    std::string_view key;
    std::filesystem::path path;
};

[[noreturn]] void refuse(std::string_view key, const std::string& problem) {
    throw Error(ErrorCode::invalid_options, std::string(key) + ": " + problem);
}

NamedFile credential_file(const S3Storage& storage, const std::string& secrets_dir) {
    const std::string& secret = storage.place.credential_secret_path;
    if (secret.empty()) return {"credential-file", storage.settings.credential_file};
    constexpr std::string_view key = "credential-secret-path";
    return {key, find_secret(key, secret, SecretPlaces::of(secrets_dir))};
}

/// The store reads the file when it needs the keys; that it cannot should be told at the start.
void check_profile(const NamedFile& file, const std::string& profile) {
    errno = 0;
    std::ifstream stream(file.path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    if (!stream || stream.bad()) {
        refuse(file.key, "cannot read " + file.path.string() + ": " + std::strerror(errno));
    }
    try {
        if (s3::read_profile(text, profile)) return;
    } catch (const Error& error) {
        refuse(file.key, file.path.string() + ": " + error.message());
    }
    refuse("credential-profile-name",
           "there is no profile '" + profile + "' in " + file.path.string() +
               "; it must be an AWS credentials file with a line [" + profile + "]");
}

}  // namespace

S3StoreOptions s3_store_options(const S3Storage& storage, const std::string& secrets_dir) {
    const auto& [place, settings] = storage;
    S3StoreOptions options;
    options.bucket = place.bucket;
    options.path = place.path;
    options.endpoint = place.endpoint;
    options.region = settings.region;
    options.addressing = settings.addressing;
    options.checksum = settings.checksum;
    options.ca_file = settings.ca;
    options.proxy = settings.proxy;
    options.encryption = settings.encryption;
    options.kms_key_id = settings.kms_key;
    options.storage_class = settings.storage_class;
    options.part_size = std::size_t{settings.part_size} << 20;
    options.parts_in_flight = settings.parts_in_flight;
    options.max_parts = settings.max_parts;

    const NamedFile file = credential_file(storage, secrets_dir);
    options.credentials.file = file.path;
    const std::string& profile = place.credential_profile_name;
    if (!file.path.empty()) {
        check_profile(file, profile);
        options.credentials.profile = profile;
    } else if (profile != S3Options().credential_profile_name) {
        // Else AWS_PROFILE has a say.
        options.credentials.profile = profile;
    }
    return options;
}

std::string describe_credentials(const S3CredentialSource& source) {
    if (!source.file.empty()) {
        return "profile '" + source.profile + "' of " + source.file.string();
    }
    return "the environment (AWS_ACCESS_KEY_ID, shared files, container or instance)";
}

}  // namespace pkgreg
