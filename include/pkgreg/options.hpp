// Options: the JSON document that configures a registry, in the form of the DC/OS package registry,
// with this program's own settings beside it.
#pragma once

#include "pkgreg/access.hpp"
#include "pkgreg/log.hpp"
#include "pkgreg/s3_conventions.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pkgreg {

/// `registry.s3`: content is kept in a bucket.
struct S3Options {
    /// `credential-secret-path`: the secret that holds an AWS credentials file. Empty: none, and
    /// the keys are looked for as `S3CredentialSource` says.
    std::string credential_secret_path = {};
    /// `credential-profile-name`: the profile of that file.
    std::string credential_profile_name = "default";
    /// `bucket`; must be given.
    std::string bucket = {};
    /// `path`: what every key in the bucket begins with; must be given. Bucket and path together
    /// belong to one deployment.
    std::string path = {};
    /// `endpoint`: the service's URL, such as `https://s3.us-east-1.amazonaws.com`; must be given.
    std::string endpoint = {};

    friend bool operator==(const S3Options&, const S3Options&) = default;
};

/// `pkgreg.s3`: how the bucket is used, which the original product had no settings for. What each
/// one means is said in `S3StoreOptions`.
struct S3Settings {
    /// `credential-file`: an AWS credentials file, for keys that are no secret of the scheduler's.
    std::string credential_file = {};
    /// `region`.
    std::string region = {};
    /// `addressing`: `automatic`, `path` or `virtual-host`.
    S3Addressing addressing = S3Addressing::automatic;
    /// `checksum`: `automatic`, `sha256`, `crc32c`, `md5` or `none`.
    S3Checksum checksum = S3Checksum::automatic;
    /// `ca`: PEM file of the authorities to trust instead of the system's.
    std::string ca = {};
    /// `proxy`: URL of the proxy to the service.
    std::string proxy = {};
    /// `encryption`: `AES256` or `aws:kms`.
    std::string encryption = {};
    /// `kms-key`: the key for `aws:kms`.
    std::string kms_key = {};
    /// `storage-class`: of what is written.
    std::string storage_class = {};
    /// `part-size`: of a multipart upload, in MiB.
    std::uint32_t part_size = 8;
    /// `parts-in-flight`: parts of one upload that are on their way at once.
    std::uint32_t parts_in_flight = 4;
    /// `max-parts`: parts in memory, in all uploads together.
    std::uint32_t max_parts = 24;

    friend bool operator==(const S3Settings&, const S3Settings&) = default;
};

/// A bucket, with all that the options say of it.
struct S3Storage {
    /// Its path has no slash at either end; an empty endpoint is Amazon's.
    S3Options place = {};
    S3Settings settings = {};

    friend bool operator==(const S3Storage&, const S3Storage&) = default;
};

/// `registry.mount-volume`: content is kept in a volume that is mounted into the container.
struct MountVolumeOptions {
    /// `container-path`: where the volume is mounted; must be given.
    std::string container_path = {};
    /// `pinned-hostname`: the agent that has the volume. Empty: none given.
    std::string pinned_hostname = {};

    friend bool operator==(const MountVolumeOptions&, const MountVolumeOptions&) = default;
};

/// `service` (or, as the 1.12 documentation has it, `registry.service`): how the scheduler runs it.
struct ServiceOptions {
    /// `name`: letters, digits, `-` and `.`, in folders separated by `/`.
    std::string name = "registry";
    /// `instances`: how many run at once. Only S3 storage can be shared by more than one. Not given:
    /// one; but on S3 others are expected all the same, since a scheduler starts them without
    /// telling. There 1 makes each of them keep all others away, see `S3StoreOptions::exclusive`.
    std::optional<std::uint32_t> instances = {};
    /// `cpus`: share of processors.
    std::optional<double> cpus = {};
    /// `mem`: memory in MiB.
    std::optional<double> mem = {};
    /// `disk`: disk in MiB.
    std::optional<double> disk = {};

    friend bool operator==(const ServiceOptions&, const ServiceOptions&) = default;
};

/// How the lines of a log are written.
enum class LogFormat : std::uint8_t { text, json };

/// `pkgreg.access`: who may do what. What each one means is said in `AccessOptions`.
struct AccessSettings {
    /// `htpasswd`: file of names and bcrypt hashes.
    std::string htpasswd = {};
    /// `policy`: file of rules.
    std::string policy = {};
    /// `anonymous-pull`.
    bool anonymous_pull = false;
    /// `token-keys`: JWK set of an outside issuer, a file or a URL.
    std::string token_keys = {};
    /// `token-realm`: where clients get its tokens.
    std::string token_realm = {};
    /// `token-issuer`: what `iss` must be, or is in tokens of the built-in endpoint.
    std::string token_issuer = {};
    /// `token-service`: what `aud` must name.
    std::string token_service = "pkgreg";
    /// `token-endpoint`: issue tokens at `/token`.
    bool token_endpoint = false;
    /// `token-signing-key`: PEM file of the key that signs them.
    std::string token_signing_key = {};
    /// `token-lifetime-seconds`: of a token of the endpoint.
    std::uint32_t token_lifetime_seconds = 300;
    /// `dcos-keys`: JWK set of DC/OS' IAM, a file or a URL.
    std::string dcos_keys = {};
    /// `ca`: PEM file of the authorities behind those URLs.
    std::string ca = {};
    /// `max-requests-per-second`: of one identity or address; 0: any number.
    std::uint32_t max_requests_per_second = 0;
    /// `max-requests-at-once`: of one identity or address; 0: any number.
    std::uint32_t max_requests_at_once = 0;
    /// `audit-log`: file of JSON lines, or `-`.
    std::string audit_log = {};

    friend bool operator==(const AccessSettings&, const AccessSettings&) = default;
};

/// Whether the registry serves a certificate of the cluster's own authority.
enum class ClusterCertificate : std::uint8_t {
    automatic,  ///< where the service account's secret is there, and nothing says otherwise
    on,
    off
};

/// `pkgreg.cluster`: the DC/OS cluster whose authority signs the server's certificate. The account
/// that asks for it is in the secret `registry.service-account-secret-path`.
struct ClusterSettings {
    /// `certificate`: `automatic`, `on` or `off`. Automatic is off where `tls-cert` gives another
    /// one, or `allow-http` says that none is wanted.
    ClusterCertificate certificate = ClusterCertificate::automatic;
    /// `names`: host names and addresses that it holds beside the service's own name,
    /// `<service>.marathon.l4lb.thisdcos.directory`; one text or an array.
    std::vector<std::string> names = {};
    /// `url`: the masters, behind which the authority and the secret store are.
    std::string url = "https://master.mesos";
    /// `ca`: PEM file of the authorities that vouch for the masters, beside the system's.
    std::string ca = "/run/dcos/pki/CA/ca-bundle.crt";
    /// `profile`: the authority's profile to sign by; empty: its default.
    std::string profile = {};
    /// `directory`: where key and certificate are kept, so that a restart need not ask. Empty:
    /// `pkgreg-cluster` in the task's sandbox.
    std::string directory = {};

    friend bool operator==(const ClusterSettings&, const ClusterSettings&) = default;
};

/// `pkgreg`: settings that the original product did not have. The program's command line has an
/// option for each of them.
struct ProgramOptions {
    // Behaviour.
    /// `storage`: a directory, `memory:`, or `s3://bucket/path?name=value&…`, whose parameters are
    /// the other keys of `registry.s3` and those of `pkgreg.s3`, over which they win. Empty: as
    /// `registry` says.
    std::string storage = {};
    /// `secrets-dir`: the directory in which secrets are files of their path. Empty: the
    /// scheduler's sandbox alone.
    std::string secrets_dir = {};
    /// `s3`: how a bucket is used, where content is kept in one.
    S3Settings s3 = {};
    /// `listen`: addresses as `ServerOptions::listen` has them; one text or an array.
    std::vector<std::string> listen = {"127.0.0.1:5000"};
    /// `allow-http`: plain HTTP on addresses other than loopback.
    bool allow_http = false;
    /// `tls-cert`: PEM file of the server's certificate and those between it and the root; with
    /// `tls-key`, connections speak TLS. See `TlsOptions`.
    std::string tls_cert = {};
    /// `tls-key`: PEM file of its private key.
    std::string tls_key = {};
    /// `tls-client-ca`: PEM file of authorities whose certificates clients may show.
    std::string tls_client_ca = {};
    /// `tls-require-client-cert`: refuse clients that show none.
    bool tls_require_client_cert = false;
    /// `tls-kernel`: let the kernel encrypt, where it can. See `TlsOptions`.
    bool tls_kernel = true;
    /// `redirect-http`: addresses that send plain requests on to TLS; one text or an array.
    std::vector<std::string> redirect_http = {};
    /// `access`: who may do what.
    AccessSettings access = {};
    /// `cluster`: a certificate of the DC/OS cluster's authority.
    ClusterSettings cluster = {};
    /// `external-url`: see `ProtocolOptions`.
    std::string external_url = {};
    /// `trusted-proxies`: see `ProtocolOptions`; one text or an array.
    std::vector<std::string> trusted_proxies = {};
    /// `redirect-clients`: see `ProtocolOptions`; one text or an array.
    std::vector<std::string> redirect_clients = {};
    /// `read-only`: refuse every change.
    bool read_only = false;
    /// `deletion`: allow deletion of tags, manifests, blobs and repositories.
    bool deletion = true;

    // Logs.
    /// `log-level`: `debug`, `info`, `warning` or `error`.
    LogLevel log_level = LogLevel::info;
    /// `log-format`: `text` or `json`.
    LogFormat log_format = LogFormat::text;
    /// `access-log`: one line for each request.
    bool access_log = true;

    // Limits. Where 0 is allowed, it switches the limit off.
    /// `grace-seconds`: how long running transfers may go on after the order to stop.
    std::uint32_t grace_seconds = 30;
    /// `upload-idle-hours`: an upload that got no bytes for this long is given up.
    std::uint32_t upload_idle_hours = 24;
    /// `max-manifest-bytes`: largest manifest accepted.
    std::uint64_t max_manifest_bytes = std::uint64_t{4} << 20;
    /// `max-body-bytes`: largest body of a request.
    std::uint64_t max_body_bytes = 0;
    /// `max-header-bytes`: bytes of request line and fields.
    std::uint64_t max_header_bytes = std::uint64_t{32} << 10;
    /// `max-connections`: connections at once.
    std::uint32_t max_connections = 4096;
    /// `header-timeout-seconds`: from a request's first byte to the end of its fields.
    std::uint32_t header_timeout_seconds = 15;
    /// `stall-timeout-seconds`: without a byte moving while a body is transferred.
    std::uint32_t stall_timeout_seconds = 60;
    /// `idle-timeout-seconds`: between requests of one connection.
    std::uint32_t idle_timeout_seconds = 120;
    /// `min-bytes-per-second`: slowest transfer that is not cut off.
    std::uint64_t min_bytes_per_second = 1024;

    // Performance.
    /// `threads`: event loops; 0: one for each core.
    std::uint32_t threads = 0;

    friend bool operator==(const ProgramOptions&, const ProgramOptions&) = default;
};

/// All options of one registry. A plain value; what was not given has its default.
///
/// The document's names are those of the comments above:
///
///     { "registry": { "service-account-secret-path": "…", "s3": { … }, "mount-volume": { … } },
///       "service": { … }, "pkgreg": { … } }
///
/// `service` may stand inside `registry` instead. Secret *paths* are names, not secrets.
struct Options {
    /// `registry.service-account-secret-path`.
    std::string service_account_secret_path = "registry-private-key";
    std::optional<S3Options> s3 = {};
    std::optional<MountVolumeOptions> mount_volume = {};
    ServiceOptions service = {};
    ProgramOptions program = {};

    /// Where content is kept: `program.storage`, else `s3://bucket/path`, else the mounted volume's
    /// path, else nothing (the scheduler's own local volume, or what the command line says).
    std::string storage() const;

    /// The bucket that content is kept in; nothing when it is kept elsewhere. Throws
    /// `invalid_options` for a URL that cannot be read.
    std::optional<S3Storage> s3_storage() const;

    friend bool operator==(const Options&, const Options&) = default;
};

/// Reads a document. Everything in it must be known and right: throws `invalid_options` with one
/// line for each problem, `source:line: path: what is wrong and what would be right`.
///
/// @param source what messages call the document, such as the file's name
Options parse_options(std::string_view json, std::string_view source = "options");

/// Reads a file, see `parse_options`. Throws `io` when the file cannot be read.
Options read_options(const std::filesystem::path& file);

/// Whether the values go together: for options that were put together by a program, or changed
/// after they were read. Throws `invalid_options` as `parse_options` does, without line numbers.
void check_options(const Options& options);

/// The options as a document that `parse_options` reads: every key in a fixed order, defaults
/// filled in. Secrets inside URLs are replaced by `***`.
std::string print_options(const Options& options);

}  // namespace pkgreg
