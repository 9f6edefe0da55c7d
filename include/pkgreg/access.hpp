// Who may do what: identities, how they are proved, and the limits that each of them has. The form
// of the policy file is described in access.md beside this header.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pkgreg {

/// How an identity was proved.
enum class IdentityKind : std::uint8_t {
    anonymous,    ///< not at all
    basic,        ///< name and password (RFC 7617)
    token,        ///< bearer token (RFC 6750) of an outside issuer; one of this registry keeps the
                  ///< kind of the identity that it was issued to
    dcos,         ///< DC/OS authentication token
    certificate,  ///< certificate over TLS
    embedder,     ///< the program that calls the library vouches for it
};

/// Who asks. A plain value.
struct Identity {
    IdentityKind kind = IdentityKind::anonymous;
    /// As the policy file writes it; empty for `anonymous`.
    std::string name = {};
    /// Groups beside those that the policy file tells of.
    std::vector<std::string> groups = {};

    friend bool operator==(const Identity&, const Identity&) = default;
};

/// What a certificate says of whom it belongs to; its chain was verified.
struct ClientCertificate {
    /// `CN` of the subject; empty: none. This is the identity's name.
    std::string common_name = {};
    /// The subject as RFC 2253 writes it.
    std::string subject = {};
};

/// Bearer tokens by the Docker token specification: JSON Web Tokens (RFC 7519) that say in their
/// claim `access` what their holder may do. Signatures: RS256 and ES256.
struct TokenOptions {
    /// Keys of an outside issuer: a file, or an `http(s)` URL, of a JWK set (RFC 7517, section 5).
    /// Empty: no outside issuer. A URL is asked again for a key that is not known.
    std::string keys = {};
    /// What the claim `iss` must be; empty: anything. The built-in endpoint puts it into its tokens
    /// (empty: `pkgreg`).
    std::string issuer = {};
    /// What the claim `aud` must name: this registry.
    std::string service = "pkgreg";
    /// URL at which clients get tokens of the outside issuer. Must be given with `keys`.
    std::string realm = {};

    /// Issue tokens at `/token`, to whom the other methods know.
    bool endpoint = false;
    /// PEM file of the private key that signs them: RSA with 2,048 bits at least, or EC P-256.
    /// Several instances need one and the same. Empty: one is made at the start.
    std::filesystem::path signing_key = {};
    /// How long a token of the endpoint is good.
    std::chrono::seconds lifetime = std::chrono::minutes(5);

    friend bool operator==(const TokenOptions&, const TokenOptions&) = default;
};

/// DC/OS authentication tokens: `Authorization: token=<JWT>`, also as a password.
struct DcosTokenOptions {
    /// IAM's keys: a file, or a URL such as `https://master.mesos/acs/api/v1/auth/jwks`. Empty:
    /// such tokens are not taken.
    std::string keys = {};

    friend bool operator==(const DcosTokenOptions&, const DcosTokenOptions&) = default;
};

/// What one identity, or one address where nobody proved who he is, may ask. Zero: any number.
struct RequestLimits {
    /// Requests a second on average; as many may come at once after a second of silence.
    std::size_t requests_per_second = 0;
    /// Requests that are being answered at once; transfers of bodies count until they end.
    std::size_t requests_at_once = 0;

    friend bool operator==(const RequestLimits&, const RequestLimits&) = default;
};

/// Access control. Nothing in it set: everybody may do everything.
///
/// A method of proof without a policy lets whom it knows do everything, and nobody else anything.
/// Files are read again when they change; what cannot be used is told in the log, and what was read
/// before stays in force.
struct AccessOptions {
    /// Names and passwords, a line `name:$2y$…` each (bcrypt, as `htpasswd -B` makes them). Empty:
    /// none.
    std::filesystem::path htpasswd = {};
    TokenOptions token = {};
    DcosTokenOptions dcos = {};
    /// PEM file of the authorities behind the URLs of `token.keys` and `dcos.keys`, beside
    /// the system's.
    std::filesystem::path ca = {};
    /// The certificate that a client showed over TLS is its identity.
    bool certificates = false;

    /// Who may do what: see access.md. Empty: as said above.
    std::filesystem::path policy = {};
    /// Everybody may pull, whatever the policy says; lists stay as it says.
    bool anonymous_pull = false;

    RequestLimits limits = {};
    /// A file that gets a JSON line for each change and each refused log-in; `-`: standard error.
    /// Opened anew when it was moved away. Empty: none.
    std::string audit_log = {};

    /// Whether anybody is refused anything for who he is.
    bool controls() const {
        return certificates || anonymous_pull || token.endpoint || !htpasswd.empty() ||
               !token.keys.empty() || !dcos.keys.empty() || !policy.empty();
    }
    /// Whether nothing is set that does anything.
    bool empty() const { return !controls() && limits == RequestLimits() && audit_log.empty(); }
    friend bool operator==(const AccessOptions&, const AccessOptions&) = default;
};

}  // namespace pkgreg
