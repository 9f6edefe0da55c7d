// Auditor: which requests the audit log tells of, and what it calls them.
#pragma once

#include "pkgreg/http.hpp"
#include "pkgreg/log.hpp"

#include "access/audit_log.hpp"
#include "protocol/client_networks.hpp"
#include "protocol/visit.hpp"

#include <string>
#include <vector>

namespace pkgreg {

/// Told are changes, whether they were made, failed or were refused; and of all else what was
/// refused to somebody who said who he is. A blob that comes in pieces is told of when it is
/// complete; a first answer of 401, to which clients bring credentials, is not. Any thread may
/// call.
class Auditor {
 public:
    /// @param file            as in `AccessOptions::audit_log`
    /// @param trusted_proxies as in `ProtocolOptions`
    /// Throws `invalid_options`.
    Auditor(std::string file, const std::vector<std::string>& trusted_proxies, LogCallback log);

    /// Called once the answer is there, before its body is dropped or sent.
    void tell(const HttpRequest& request, const Visit& visit,
              const HttpResponse& response) noexcept;

 private:
    void tell_all(const HttpRequest& request, const Visit& visit, const HttpResponse& response);

    const ClientNetworks trusted_;
    access::AuditLog log_;
};

}  // namespace pkgreg
