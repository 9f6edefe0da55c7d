#include "service/cluster_options.hpp"

#include "pkgreg/error.hpp"

#include "base/secret_file.hpp"
#include "cluster/service_host.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace pkgreg {
namespace {

constexpr std::string_view account_key = "registry.service-account-secret-path";

/// Where a task keeps what it has from its cluster; empty: nowhere.
std::filesystem::path cluster_directory(const Options& options, const SecretPlaces& places) {
    const std::string& given = options.program.cluster.directory;
    if (!given.empty()) return given;
    return places.sandbox.empty() ? std::filesystem::path()
                                  : std::filesystem::path(places.sandbox) / "pkgreg-cluster";
}

cluster::SessionOptions session_options(const Options& options, std::filesystem::path account) {
    const ClusterSettings& settings = options.program.cluster;
    return {settings.url, settings.ca, std::move(account)};
}

/// The file of the account's secret, where a certificate is to be had by it.
std::optional<std::filesystem::path> account_file(const Options& options,
                                                  const SecretPlaces& places,
                                                  const LogCallback& log) {
    const ProgramOptions& program = options.program;
    const std::string& secret = options.service_account_secret_path;
    switch (program.cluster.certificate) {
        case ClusterCertificate::off: return std::nullopt;
        case ClusterCertificate::on: return find_secret(account_key, secret, places);
        case ClusterCertificate::automatic: break;
    }
    if (!program.tls_cert.empty() || program.allow_http) return std::nullopt;
    if (auto file = look_for_secret(secret, places)) return file;
    // The default is no wish: options of the original product leave it out and work anywhere.
    if (secret == Options().service_account_secret_path) return std::nullopt;
    if (!places.directory.empty() || !places.sandbox.empty()) {
        return find_secret(account_key, secret, places);  // throws
    }
    if (log) {
        log(LogLevel::warning, std::string(account_key) + ": there is no secret '" + secret +
                                   "' outside of a cluster, so there is no certificate of the "
                                   "cluster's authority");
    }
    return std::nullopt;
}

std::vector<std::string> hosts_of(const Options& options) {
    std::vector<std::string> hosts = {cluster::service_host(options.service.name)};
    for (const std::string& name : options.program.cluster.names) {
        if (std::ranges::find(hosts, name) == hosts.end()) hosts.push_back(name);
    }
    return hosts;
}

}  // namespace

std::optional<cluster::CertificateOptions> certificate_options(const Options& options,
                                                               const LogCallback& log) {
    const SecretPlaces places = SecretPlaces::of(options.program.secrets_dir);
    auto account = account_file(options, places, log);
    if (!account) return std::nullopt;
    std::filesystem::path directory = cluster_directory(options, places);
    if (directory.empty()) {
        throw Error(ErrorCode::invalid_options,
                    "pkgreg.cluster.directory: must be given where MESOS_SANDBOX is not set: the "
                    "directory in which the key and the certificate are kept");
    }
    return cluster::CertificateOptions{session_options(options, std::move(*account)),
                                       hosts_of(options), options.program.cluster.profile,
                                       std::move(directory)};
}

std::optional<StoredSecret> stored_secret(const Options& options) {
    const auto bucket = options.s3_storage();
    if (!bucket || bucket->place.credential_secret_path.empty()) return std::nullopt;
    const std::string& path = bucket->place.credential_secret_path;
    const SecretPlaces places = SecretPlaces::of(options.program.secrets_dir);
    if (look_for_secret(path, places)) return std::nullopt;
    auto account = look_for_secret(options.service_account_secret_path, places);
    std::filesystem::path directory = cluster_directory(options, places);
    if (!account || directory.empty()) return std::nullopt;
    directory /= "secrets";
    const std::size_t begin = std::min(path.find_first_not_of('/'), path.size());
    return StoredSecret{session_options(options, std::move(*account)), path, directory,
                        directory / path.substr(begin)};
}

}  // namespace pkgreg
