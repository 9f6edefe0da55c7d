// The cluster's authority: the API of CFSSL, under DC/OS' paths.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pkgreg::cluster {

class Session;

/// Has a request signed, and returns the certificate, PEM. Throws as `Session` does; `denied` where
/// the account may not, and where the authority does not sign this request.
///
/// @param hosts what the certificate is for
/// @param profile of the authority; empty: its default
std::string sign_request(Session& session, const std::string& request,
                         const std::vector<std::string>& hosts, const std::string& profile,
                         int stop_fd);

/// The authority's own certificate, PEM. Throws as `Session` does, and `denied`.
std::string authority_certificate(const Session& session, const std::string& profile, int stop_fd);

/// What the authority says.
struct CaAnswer {
    /// PEM; empty: it refused.
    std::string certificate = {};
    /// Why, printable; may be empty.
    std::string refusal = {};
};

/// Reads an answer, `{"success": …, "result": {"certificate": "…"}, "errors": [{"code": …,
/// "message": "…"}]}`. Throws `unavailable` for any other: who made it was not the authority.
CaAnswer parse_ca_answer(std::string_view body);

}  // namespace pkgreg::cluster
