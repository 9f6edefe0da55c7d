// The one list of the options: every key, where its value goes and what it may be. Reading,
// checking, printing and the suggestions for misspelt keys are four visitors of this list.
#pragma once

#include "pkgreg/options.hpp"

#include <concepts>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace pkgreg::options_fields {

/// What a text must look like.
enum class Text : std::uint8_t {
    free,        ///< anything, or nothing
    required,    ///< anything, but it must be given
    filled,      ///< anything but an empty text
    any_filled,  ///< a list of such, or an empty one
    bucket,
    bucket_path,
    url,
    filled_url,  ///< a URL, but it need not be given
    optional_url,
    optional_proxy,
    host_names,  ///< a list of host names and addresses, or an empty one
    service_name,
    optional_word,  ///< visible characters
    encryption,
    storage_class,
};

/// The smallest and the largest number allowed.
struct Range {
    double least;
    double most;
};

/// A value without conditions.
struct Any {};

template <class T, class Of>
concept Either = std::same_as<std::remove_const_t<T>, Of>;

// A visitor is called with (key, member, condition) for a value, and has two members beside that:
// object(key, member) for an object, and moved(key, member) for an object that may stand here as
// well, but belongs elsewhere.

template <class Visitor, Either<S3Options> T>
void visit_fields(Visitor& visit, T& s3) {
    visit("credential-secret-path", s3.credential_secret_path, Text::free);
    visit("credential-profile-name", s3.credential_profile_name, Text::filled);
    visit("bucket", s3.bucket, Text::bucket);
    visit("path", s3.path, Text::bucket_path);
    visit("endpoint", s3.endpoint, Text::url);
}

template <class Visitor, Either<S3Settings> T>
void visit_fields(Visitor& visit, T& s3) {
    visit("credential-file", s3.credential_file, Text::free);
    visit("region", s3.region, Text::optional_word);
    visit("addressing", s3.addressing, Any());
    visit("checksum", s3.checksum, Any());
    visit("ca", s3.ca, Text::free);
    visit("proxy", s3.proxy, Text::optional_proxy);
    visit("encryption", s3.encryption, Text::encryption);
    visit("kms-key", s3.kms_key, Text::optional_word);
    visit("storage-class", s3.storage_class, Text::storage_class);
    visit("part-size", s3.part_size, Range{5, 64});
    visit("parts-in-flight", s3.parts_in_flight, Range{1, 64});
    visit("max-parts", s3.max_parts, Range{2, 1024});
}

template <class Visitor, Either<AccessSettings> T>
void visit_fields(Visitor& visit, T& access) {
    visit("htpasswd", access.htpasswd, Text::free);
    visit("policy", access.policy, Text::free);
    visit("anonymous-pull", access.anonymous_pull, Any());
    visit("token-keys", access.token_keys, Text::free);
    visit("token-realm", access.token_realm, Text::optional_url);
    visit("token-issuer", access.token_issuer, Text::free);
    visit("token-service", access.token_service, Text::filled);
    visit("token-endpoint", access.token_endpoint, Any());
    visit("token-signing-key", access.token_signing_key, Text::free);
    visit("token-lifetime-seconds", access.token_lifetime_seconds, Range{60, 24 * 3600});
    visit("dcos-keys", access.dcos_keys, Text::free);
    visit("ca", access.ca, Text::free);
    visit("max-requests-per-second", access.max_requests_per_second, Range{0, 1e9});
    visit("max-requests-at-once", access.max_requests_at_once, Range{0, 1e6});
    visit("audit-log", access.audit_log, Text::free);
}

template <class Visitor, Either<ClusterSettings> T>
void visit_fields(Visitor& visit, T& cluster) {
    visit("certificate", cluster.certificate, Any());
    visit("names", cluster.names, Text::host_names);
    visit("url", cluster.url, Text::filled_url);
    visit("ca", cluster.ca, Text::free);
    visit("profile", cluster.profile, Text::optional_word);
    visit("directory", cluster.directory, Text::free);
}

template <class Visitor, Either<MountVolumeOptions> T>
void visit_fields(Visitor& visit, T& volume) {
    visit("container-path", volume.container_path, Text::required);
    visit("pinned-hostname", volume.pinned_hostname, Text::free);
}

template <class Visitor, Either<ServiceOptions> T>
void visit_fields(Visitor& visit, T& service) {
    visit("name", service.name, Text::service_name);
    visit("instances", service.instances, Range{1, 1000});
    visit("cpus", service.cpus, Range{0.01, 4096});
    visit("mem", service.mem, Range{1, 1e9});
    visit("disk", service.disk, Range{0, 1e12});
}

template <class Visitor, Either<ProgramOptions> T>
void visit_fields(Visitor& visit, T& program) {
    constexpr Range seconds = {0, 7 * 24 * 3600};
    visit("storage", program.storage, Text::free);
    visit("secrets-dir", program.secrets_dir, Text::free);
    visit.object("s3", program.s3);
    visit("listen", program.listen, Text::filled);
    visit("allow-http", program.allow_http, Any());
    visit("tls-cert", program.tls_cert, Text::free);
    visit("tls-key", program.tls_key, Text::free);
    visit("tls-client-ca", program.tls_client_ca, Text::free);
    visit("tls-require-client-cert", program.tls_require_client_cert, Any());
    visit("tls-kernel", program.tls_kernel, Any());
    visit("redirect-http", program.redirect_http, Text::any_filled);
    visit.object("access", program.access);
    visit.object("cluster", program.cluster);
    visit("external-url", program.external_url, Text::optional_url);
    visit("trusted-proxies", program.trusted_proxies, Text::any_filled);
    visit("redirect-clients", program.redirect_clients, Text::any_filled);
    visit("read-only", program.read_only, Any());
    visit("deletion", program.deletion, Any());
    visit("log-level", program.log_level, Any());
    visit("log-format", program.log_format, Any());
    visit("access-log", program.access_log, Any());
    visit("grace-seconds", program.grace_seconds, seconds);
    visit("upload-idle-hours", program.upload_idle_hours, Range{1, 24 * 365});
    visit("max-manifest-bytes", program.max_manifest_bytes, Range{1024, 256 << 20});
    visit("max-body-bytes", program.max_body_bytes, Range{0, 1e15});
    visit("max-header-bytes", program.max_header_bytes, Range{1024, 1 << 20});
    visit("max-connections", program.max_connections, Range{0, 1e6});
    visit("header-timeout-seconds", program.header_timeout_seconds, seconds);
    visit("stall-timeout-seconds", program.stall_timeout_seconds, seconds);
    visit("idle-timeout-seconds", program.idle_timeout_seconds, seconds);
    visit("min-bytes-per-second", program.min_bytes_per_second, Range{0, 1e9});
    visit("threads", program.threads, Range{0, 1024});
}

/// `registry`, whose members belong to `Options` itself.
template <class T>
struct RegistryPart {
    T& options;
};

template <class Visitor, class T>
void visit_fields(Visitor& visit, RegistryPart<T>& registry) {
    visit("service-account-secret-path", registry.options.service_account_secret_path,
          Text::filled);
    visit.object("s3", registry.options.s3);
    visit.object("mount-volume", registry.options.mount_volume);
    visit.moved("service", registry.options.service);
}

template <class Visitor, Either<Options> T>
void visit_fields(Visitor& visit, T& options) {
    RegistryPart<T> registry{options};
    visit.object("registry", registry);
    visit.object("service", options.service);
    visit.object("pkgreg", options.program);
}

}  // namespace pkgreg::options_fields
