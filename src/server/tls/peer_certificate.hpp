// What a client's certificate says of it, as the access control wants it.
#pragma once

#include "pkgreg/access.hpp"

#include <openssl/ssl.h>

#include <memory>

namespace pkgreg {

/// The certificate that the peer has shown and that was verified; null: none. Also of a resumed
/// session, whose ticket holds the certificate. Throws only `std::bad_alloc`.
std::unique_ptr<ClientCertificate> peer_certificate(const SSL* ssl);

/// Lets sessions be resumed only while the certificate in their ticket is valid: a resumption
/// verifies nothing, and each gives a new ticket.
void end_sessions_with_their_certificate(SSL_CTX* context);

}  // namespace pkgreg
