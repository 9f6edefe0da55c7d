// Options of a bucket that name a secret or a file become those of its store.

#include "pkgreg/error.hpp"
#include "pkgreg/storage.hpp"

#include "s3/credentials.hpp"
#include "store/storage_places.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>

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
    const char* const sandbox = std::getenv("MESOS_SANDBOX");
    return {"credential-secret-path", find_secret(secret, secrets_dir, sandbox ? sandbox : "")};
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

std::filesystem::path find_secret(const std::string& secret, const std::string& directory,
                                  const std::string& sandbox) {
    // The path of a secret may begin with a slash; that of a file below a folder does not.
    const std::size_t begin = std::min(secret.find_first_not_of('/'), secret.size());
    std::string tried;
    for (const std::string& folder : {directory, sandbox}) {
        if (folder.empty()) continue;
        const std::filesystem::path file = std::filesystem::path(folder) / secret.substr(begin);
        std::error_code error;
        if (std::filesystem::is_regular_file(file, error)) return file;
        tried += (tried.empty() ? "" : " nor ") + file.string();
    }
    if (tried.empty()) {
        refuse("credential-secret-path",
               "the secret '" + secret +
                   "' is a file in the task's sandbox or in a directory of secrets, but neither "
                   "MESOS_SANDBOX is set nor --secrets-dir (pkgreg.secrets-dir) given");
    }
    refuse("credential-secret-path",
           "there is no file of the secret '" + secret + "': not " + tried +
               "; give the task this secret as a file, or name the directory of secrets with "
               "--secrets-dir");
}

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
