#include "service/service_options.hpp"

#include <chrono>
#include <utility>

namespace pkgreg {

RegistryOptions registry_options(const Options& options, std::shared_ptr<WorkPool> pool,
                                 LogCallback log) {
    const ProgramOptions& program = options.program;
    RegistryOptions registry;
    registry.read_only = program.read_only;
    registry.deletion = program.deletion;
    registry.max_manifest_size = program.max_manifest_bytes;
    registry.upload_idle_limit = std::chrono::hours(program.upload_idle_hours);
    registry.pool = std::move(pool);
    registry.log = std::move(log);
    return registry;
}

namespace {

AccessOptions access_options(const ProgramOptions& program) {
    const AccessSettings& settings = program.access;
    AccessOptions access;
    access.htpasswd = settings.htpasswd;
    access.policy = settings.policy;
    access.anonymous_pull = settings.anonymous_pull;
    access.token.keys = settings.token_keys;
    access.token.realm = settings.token_realm;
    access.token.issuer = settings.token_issuer;
    access.token.service = settings.token_service;
    access.token.endpoint = settings.token_endpoint;
    access.token.signing_key = settings.token_signing_key;
    access.token.lifetime = std::chrono::seconds(settings.token_lifetime_seconds);
    access.dcos.keys = settings.dcos_keys;
    access.ca = settings.ca;
    // Certificates that may be shown or not, and that nothing depends on, prove nothing.
    access.certificates =
        !program.tls_client_ca.empty() && (program.tls_require_client_cert || access.controls());
    access.limits.requests_per_second = settings.max_requests_per_second;
    access.limits.requests_at_once = settings.max_requests_at_once;
    access.audit_log = settings.audit_log;
    return access;
}

}  // namespace

ProtocolOptions protocol_options(const Options& options) {
    const ProgramOptions& program = options.program;
    ProtocolOptions protocol;
    protocol.access = access_options(program);
    protocol.external_url = program.external_url;
    protocol.trusted_proxies = program.trusted_proxies;
    protocol.redirect_clients = program.redirect_clients;
    return protocol;
}

ServerOptions server_options(const Options& options, LogCallback log) {
    using std::chrono::seconds;
    const ProgramOptions& program = options.program;
    ServerOptions server;
    server.listen = program.listen;
    server.allow_http = program.allow_http;
    if (!program.tls_cert.empty()) {
        server.tls = TlsOptions{program.tls_cert, program.tls_key, program.tls_client_ca,
                                program.tls_require_client_cert, program.tls_kernel};
    }
    server.redirect = program.redirect_http;
    server.max_connections = program.max_connections;
    server.max_header_bytes = program.max_header_bytes;
    server.header_timeout = seconds(program.header_timeout_seconds);
    server.stall_timeout = seconds(program.stall_timeout_seconds);
    server.min_bytes_per_second = program.min_bytes_per_second;
    server.idle_timeout = seconds(program.idle_timeout_seconds);
    server.max_body_bytes = program.max_body_bytes;
    server.threads = program.threads;
    server.log = std::move(log);
    return server;
}

}  // namespace pkgreg
