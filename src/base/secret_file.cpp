#include "base/secret_file.hpp"

#include "pkgreg/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <system_error>
#include <vector>

namespace pkgreg {
namespace {

std::vector<std::filesystem::path> candidates(const std::string& secret,
                                              const SecretPlaces& places) {
    // The path of a secret may begin with a slash; that of a file below a folder does not.
    const std::size_t begin = std::min(secret.find_first_not_of('/'), secret.size());
    std::vector<std::filesystem::path> files;
    for (const std::string& folder : {places.directory, places.sandbox}) {
        if (!folder.empty()) files.push_back(std::filesystem::path(folder) / secret.substr(begin));
    }
    return files;
}

}  // namespace

SecretPlaces SecretPlaces::of(const std::string& directory) {
    const char* const sandbox = std::getenv("MESOS_SANDBOX");
    return {directory, sandbox ? sandbox : ""};
}

std::optional<std::filesystem::path> look_for_secret(const std::string& secret,
                                                     const SecretPlaces& places) {
    for (const std::filesystem::path& file : candidates(secret, places)) {
        std::error_code error;
        if (std::filesystem::is_regular_file(file, error)) return file;
    }
    return std::nullopt;
}

std::filesystem::path find_secret(std::string_view key, const std::string& secret,
                                  const SecretPlaces& places) {
    if (const auto file = look_for_secret(secret, places)) return *file;
    std::string tried;
    for (const std::filesystem::path& file : candidates(secret, places)) {
        tried += (tried.empty() ? "" : " nor ") + file.string();
    }
    std::string problem = std::string(key) + ": ";
    if (tried.empty()) {
        problem += "the secret '" + secret +
                   "' is a file in the task's sandbox or in a directory of secrets, but neither "
                   "MESOS_SANDBOX is set nor --secrets-dir (pkgreg.secrets-dir) given";
    } else {
        problem += "there is no file of the secret '" + secret + "': not " + tried +
                   "; give the task this secret as a file, or name the directory of secrets with "
                   "--secrets-dir";
    }
    throw Error(ErrorCode::invalid_options, std::move(problem));
}

}  // namespace pkgreg
